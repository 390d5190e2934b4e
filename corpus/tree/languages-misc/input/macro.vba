Const DB_PWD As String = "<<+password|{{alnum:10}}>>"
conn.Open "Provider=SQLOLEDB;Data Source=sql1;User ID=quarry;Password=<<+connection-string|{{alnum:12}}>>;"
ActiveSheet.Unprotect Password:="<<+password|{{word}}{{digits:2}}>>"
pwd = <<-code|InputBox("Password?")>>
Workbooks.Open "C:\r.xlsx", Password:=<<-reference|strPassword>>
