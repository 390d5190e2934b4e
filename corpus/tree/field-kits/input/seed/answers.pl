$answer{'db_pass'}        = '<<+password|{{alnum:12}}>>';
$answer{'ADMIN_PASSWORD'} = <<-reference|%%FIELD_ADMIN_PASSWORD%%>>;
$answer{'smtp_password'}  = '<<?placeholder|mydbpass>>';
$passwd = "<<-reference|hashed_with_$algorithm>>";
my $salt = <<-code|random_bytes(16)>>;
