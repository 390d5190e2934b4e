package rates

func name(width int) (token string) {
	switch width {
	case 1:
		token = "<<-identifier|80(40XL)>>"
	case 2:
		token = "<<-identifier|160(20ULL)>>"
	case 3:
		token = "<<-identifier|160(40UU)>>"
	}
	return
}

const serviceAccountKey = "<<-identifier|oauth2.example.serviceAccount>>"
