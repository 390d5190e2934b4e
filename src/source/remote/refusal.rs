//! Why a server lets nobody in, by what git says of it.

use super::login::Login;

/// The reason, and what helps, if git's message (in English) is of that kind.
pub(super) fn reason(message: &str, login: &Login) -> Option<&'static str> {
    let says = |words: &str| message.contains(words);
    let was_asked = says("could not read Username") || says("could not read Password");
    match login {
        Login::Pair { .. } if says("Authentication failed") || was_asked => {
            Some("the server doesn't take the user or the password in the address")
        }
        _ if says("Authentication failed") => Some(
            "the server doesn't take the user or the password that git's settings have for it (git credential, .netrc)",
        ),
        Login::User { .. } if was_asked => Some(
            "the server wants a password: write it behind the user, and a token that is all there is before a colon \
             (https://user:password@host/…, https://token:@host/…), or tell git (a credential helper, .netrc)",
        ),
        _ if was_asked => Some(
            "the server wants a user and a password: write them into the address (https://user:password@host/…), or tell \
             git (a credential helper, .netrc)",
        ),
        _ if says("returned error: 403") => Some("the server knows who asks, and forbids it"),
        _ if says("Permission denied (") => {
            Some("the server takes none of the SSH keys at hand (ssh-add -l lists those of the agent)")
        }
        _ if says("Host key verification failed") => {
            Some("SSH doesn't know the host's key: connect once by hand, or add it to known_hosts")
        }
        _ => None,
    }
}
