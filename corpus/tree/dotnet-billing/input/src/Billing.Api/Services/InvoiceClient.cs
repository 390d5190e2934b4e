using System.Net.Http.Headers;

namespace Billing.Api.Services;

public class InvoiceClient
{
    private const string ApiKeyHeader = "<<-identifier|X-Api-Key>>";
    private const string SubscriptionKey = "<<+api-key|{{hex:32}}>>";
    private static readonly Guid TokenProviderId = new("<<-uuid|{{uuid}}>>");
    private const string SecretName = "<<-identifier|billing-sftp-password>>";
    public const string PasswordClaimType = "<<-url|http://schemas.example.net/identity/claims/passwordhash>>";

    public InvoiceClient(HttpClient http, IConfiguration config)
    {
        var clientSecret = config["<<-reference|AzureAd:ClientSecret>>"];
        var password = <<-code|Environment.GetEnvironmentVariable("SFTP_PASSWORD")>>;
        var connection = "Server=10.4.1.7;Database=ledger;Uid=ledger;Pwd=<<+connection-string|{{alnum:13}}>>;";
        http.DefaultRequestHeaders.Add(ApiKeyHeader, "<<+api-key|{{alnum:36}}>>");
        http.DefaultRequestHeaders.Authorization =
            new AuthenticationHeaderValue("Basic", "<<+basic-auth|{{base64:30}}==>>");
        _credentials = new NetworkCredential("import", "<<+password|{{password}}>>", "CORP");
        _vault = new SecretClient(new Uri(config["KeyVault:Uri"]!), <<-code|new DefaultAzureCredential()>>);
        _key = Convert.FromBase64String("<<+api-key|{{base64:42}}{{[AEIMQUYcgkosw048]:1}}=>>");
    }

    [Required(ErrorMessage = "<<-prose|Password is required>>")]
    [DataType(DataType.Password)]
    public string Password { get; set; } = <<-code|string.Empty>>;

    public async Task<string> GetToken(CancellationToken cancellationToken = <<-code|default>>)
    {
        var accessToken = await <<-code|_tokenCache.GetOrCreateAsync("invoice-token", Fetch)>>;
        logger.LogInformation("Token for {User} refreshed, password = {Password}", user, "<<?placeholder|[REDACTED]>>");
        return accessToken;
    }
}
