param(
    [Parameter(Mandatory = $true)][securestring]$AdminPassword,
    [string]$SitePassword = '<<+password|{{[a-zA-Z0-9]:12}}!>>',
    [string]$TokenUri = "<<-url|https://login.example.net/oauth2/token>>"
)
$password = ConvertTo-SecureString "<<+password|{{password}}>>" -AsPlainText -Force
$cred = New-Object System.Management.Automation.PSCredential ("CORP\svc-deploy", $password)
$token = <<-code|Get-AzAccessToken -ResourceUrl "https://vault.azure.net">>
$clientSecret = <<-reference|$env:ARM_CLIENT_SECRET>>
$apiKey = <<-code|(Get-Content "$PSScriptRoot\apikey.txt" -Raw).Trim()>>
net use \\files01\drop /user:CORP\svc-drop <<+password|{{[a-zA-Z0-9#]:11}}>>
sqlcmd -S SQL01 -U deploy -P <<+password|{{[a-zA-Z0-9]:14}}>> -Q "EXEC dbo.Migrate"
Invoke-RestMethod -Uri https://octopus.example.net/api/releases -Headers @{ "X-Octopus-ApiKey" = "<<+api-key|API-{{uppernum:31}}>>" }
$cert = Get-ChildItem Cert:\LocalMachine\My | Where-Object Thumbprint -eq "<<-hash|{{HEX:40}}>>"
Write-Host "Password: <<?placeholder|********>>"
Set-ADAccountPassword -Identity svc-drop -NewPassword (ConvertTo-SecureString -AsPlainText "<<+password|{{word}}#{{digits:4}}{{[A-Z]:1}}>>" -Force)
$productCode = "<<-uuid|{{uuid}}>>"
