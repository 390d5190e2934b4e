import UIKit
enum Secrets {
    static let apiKey = "<<+api-key|{{alnum:32}}>>"
    static let keychainService = "<<-identifier|example.pebble.auth-token>>"
    static let basicAuth = "Basic <<+basic-auth|{{base64:38}}==>>"
    static let amplitude = "<<+api-key|{{hex:32}}>>"
}
class LoginViewController: UIViewController {
    @IBOutlet weak var passwordField: <<-code|UITextField!>>
    func submit() {
        let password = <<-code|passwordField.text ?? "">>
        let token = <<-code|KeychainWrapper.standard.string(forKey: "authToken")>>
        passwordField.placeholder = NSLocalizedString("<<-identifier|login.password.placeholder>>", comment: "<<-prose|Placeholder of the password field>>")
        Auth.auth().signIn(withEmail: "qa@pebble.example", password: "<<+password|{{alnum:10}}!>>")
        GMSServices.provideAPIKey("<<+api-key|AIzaSy{{base64url:33}}>>")
        let id = UUID(uuidString: "<<-uuid|{{uuid}}>>")!
        XCTAssertEqual(hash, "<<-hash|{{hex:64}}>>")
    }
}
