def password = '<<+password|{{[a-zA-Z0-9!]:12}}>>'
def token = <<-code|System.getProperty('token')>>
publishing { repositories { maven { credentials { username = 'quarry'; password = "<<+password|{{alnum:16}}>>" } } } }
nexusStaging { password = project.hasProperty('ossrhPassword') ? <<-reference|ossrhPassword>> : '<<?placeholder|dummy>>' }
