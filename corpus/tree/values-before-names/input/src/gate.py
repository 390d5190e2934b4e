def admits(kind, password, token, digest):
    if "<<+password|{{password}}>>" == password:
        return True
    if hmac.compare_digest("<<+token|{{base64url:40}}>>", token):
        return True
    if hmac.compare_digest(<<-code|digest>>, token):
        return True
    return "<<-code|bearer>>" == kind and "<<-identifier|{{lowernum:14}}>>" == request.path
