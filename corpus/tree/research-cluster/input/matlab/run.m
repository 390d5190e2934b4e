conn = database('lab','lab','<<+password|{{alnum:12}}>>','Vendor','PostgreSQL');
opts = weboptions('HeaderFields',{'X-API-Key','<<+api-key|{{alnum:32}}>>'});
token = <<-code|getenv('TOKEN')>>;
key = '<<-identifier|subject_id>>';
