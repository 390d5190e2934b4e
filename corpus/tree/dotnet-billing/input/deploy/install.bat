@echo off
set DB_PASSWORD=<<+password|{{alnum:12}}>>
set NUGET_API_KEY=<<+api-key|oy2{{lowernum:43}}>>
set TOKEN=<<-reference|%1>>
set PASSWORD=<<-reference|%DEPLOY_PASSWORD%>>
if "%PASSWORD%"=="" set /p PASSWORD=<<-prose|Enter password: >>
nuget push bin\Billing.nupkg -ApiKey %NUGET_API_KEY% -Source https://nuget.example.net/v3/index.json
schtasks /create /tn "Billing Import" /tr import.exe /ru CORP\svc-import /rp <<+password|{{[a-zA-Z0-9!]:13}}>> /sc daily
curl -H "Authorization: Bearer <<-reference|%TOKEN%>>" https://billing.example.net/api/ping
wmic product where "IdentifyingNumber='{<<-uuid|{{uuid}}>>}'" call uninstall
