public class NetworkManager : MonoBehaviour {
  [SerializeField] private string gameKey = "<<+api-key|{{hex:32}}>>";
  [SerializeField] private string secretKey = "<<+client-secret|{{hex:40}}>>";
  private const string PhotonAppId = "<<-uuid|{{uuid}}>>";
  private const string PlayFabTitle = "<<-identifier|{{HEX:5}}>>";
  private const string PlayFabSecret = "<<+client-secret|{{uppernum:50}}>>";
  private const string SaveFilePassword = "<<+password|{{word}}{{word}}{{digits:2}}>>";
  private readonly string tokenPrefsKey = "<<-identifier|fen.player.token>>";
  KeyCode key = <<-code|KeyCode.LeftShift>>; Token token = <<-code|default>>;
}
