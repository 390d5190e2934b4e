public class TokenTests
{
    [Theory]
    [InlineData("<<?placeholder|Passw0rd!>>", true)]
    [InlineData("<<?placeholder|short>>", false)]
    public void Checks_strength(string password, bool ok) => Assert.Equal(ok, Policy.Check(password));

    [Fact]
    public void Reads_secret()
    {
        var options = new ClientOptions { ClientId = "<<-uuid|{{uuid}}>>", ClientSecret = "<<?placeholder|client-secret>>" };
        var user = new User { Email = "a@example.org", PasswordHash = "<<-hash|AQAAAAIAAYagAAAAE{{base64:66}}==>>", SecurityStamp = "<<-identifier|{{base32:32}}>>" };
        Assert.Equal("<<-hash|{{hex:64}}>>", Hash("<<?placeholder|hunter2>>"));
        var token = handler.Read("<<+token|{{jwt}}>>");
        var legacyPassword = "<<+password|{{word}}{{word}}{{digits:2}}>>";
    }
}
