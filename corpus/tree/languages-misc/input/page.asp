<%
strConn = "Driver={SQL Server};Server=sql1;Database=quarry;Uid=web;Pwd=<<+connection-string|{{alnum:11}}>>;"
If Request("password") = "<<+password|{{word}}{{digits:3}}>>" Then Session("token") = <<-code|Session.SessionID>>
adminPass = <<-code|Request.Form("pass")>>
%>
