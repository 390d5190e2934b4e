use DBI;
my $password = '<<+password|{{password}}>>';
my $dbh = DBI->connect("dbi:Pg:dbname=quarry;host=db", "quarry", "<<+password|{{alnum:12}}>>") or die;
my %config = (user => 'quarry', pass => '<<+password|{{[a-zA-Z0-9!]:12}}>>', token => <<-reference|$ENV{QUARRY_TOKEN}>>);
my $key = <<-code|shift @ARGV>>;
$ua->credentials("api.quarry.example:443", "realm", "quarry" => "<<+password|{{alnum:14}}>>");
my $token = <<-code|$cgi->param('token')>>;
die "<<-prose|no password given>>" unless <<-code|defined $password>>;
my ($secret) = <<-code|$line =~ /secret:\s*(\S+)/>>;
