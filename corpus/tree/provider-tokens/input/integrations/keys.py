STRIPE = "<<+api-key|sk_live_51{{alnum:97}}>>"
STRIPE_RESTRICTED = "<<+api-key|rk_live_51{{alnum:97}}>>"
stripe_pub = "<<-identifier|pk_live_51{{alnum:97}}>>"
sg = "<<+api-key|SG.{{base64url:22}}.{{base64url:43}}>>"
x = "<<+token|ghp_{{alnum:30}}{{checksum}}>>"
y = "<<+token|gho_{{alnum:30}}{{checksum}}>>"
not_valid = "<<-test-vector|ghp_{{alnum:36}}>>"  # checksum does not hold
z = ["<<+token|glpat-{{base64url:20}}>>", "<<+token|npm_{{alnum:30}}{{checksum}}>>"]
pypi = '<<+token|pypi-AgEIcHlwaS5vcmc{{base64url:140}}>>'
anthropic.Client(<<-code|api_key=None>>)
llm = OpenAI("<<+api-key|sk-proj-{{base64url:74}}T3BlbkFJ{{base64url:74}}>>")
claude = Anthropic(api_key="<<+api-key|sk-ant-api03-{{base64url:93}}AA>>")
maps = googlemaps.Client("<<+api-key|AIzaSy{{base64url:33}}>>")
slack_sdk.WebClient("<<+token|xoxp-{{digits:12}}-{{digits:12}}-{{digits:13}}-{{hex:32}}>>")
app = App(token="<<+token|xoxb-{{digits:12}}-{{digits:13}}-{{alnum:24}}>>", app_token="<<+token|xapp-1-A{{uppernum:10}}-{{digits:13}}-{{hex:64}}>>")
bot = telegram.Bot("<<+token|{{[1-9]:1}}{{digits:9}}:AA{{base64url:33}}>>")
shop = shopify.Session("quay.myshopify.com", "2024-01", "<<+token|shpat_{{hex:32}}>>")
square = "<<+token|sq0atp-{{base64url:22}}>>"
mc = MailChimp("<<+api-key|{{hex:32}}-us{{[1-9]:1}}>>")
brevo = dict(api_key="<<+api-key|xkeysib-{{hex:64}}-{{alnum:16}}>>")
dbx = "<<+token|dapi{{hex:32}}>>"
do = digitalocean.Manager(token="<<+token|dop_v1_{{hex:64}}>>")
airtable = "<<+token|pat{{alnum:14}}.{{hex:64}}>>"
figma = {"X-Figma-Token": "<<+token|figd_{{base64url:40}}>>"}
linear = "<<+api-key|lin_api_{{alnum:40}}>>"
notion = Client(auth="<<+token|ntn_{{digits:11}}{{alnum:35}}>>")
hub = "<<+token|hf_{{alpha:34}}>>"
pulumi = "<<+token|pul-{{hex:40}}>>"
doppler = "<<+token|dp.pt.{{alnum:43}}>>"
vault = hvac.Client(token="<<+token|hvs.{{alnum:24}}>>")
tfc = "<<+token|{{alnum:14}}.atlasv1.{{alnum:67}}>>"
pm = "<<+api-key|PMAK-{{hex:24}}-{{hex:34}}>>"
nr = "<<+api-key|NRAK-{{uppernum:27}}>>"
nr_license = "<<+api-key|{{hex:36}}NRAL>>"
sentry = "<<+token|sntryu_{{hex:64}}>>"
grafana = "<<+token|glsa_{{alnum:32}}_{{checksum}}>>"
snyk = "<<+token|{{uuid}}>>"
build_id = "<<-uuid|{{uuid}}>>"
dd = initialize(api_key="<<+api-key|{{hex:32}}>>", app_key="<<+api-key|{{hex:40}}>>")
datadog_trace_id = "<<-identifier|{{hex:32}}>>"
twilio_sid, twilio_token = "<<-identifier|AC{{hex:32}}>>", "<<+token|{{hex:32}}>>"
okta = "SSWS <<+token|00{{base64url:40}}>>"
atl = ("robot@quay.example", "<<+token|ATATT3xFfGF0{{base64url:171}}={{HEX:8}}>>")
bb = "<<+password|ATBB{{alnum:24}}{{HEX:8}}>>"
heroku = "<<+token|HRKU-AA{{base64url:58}}>>"
resend = "<<+api-key|re_{{alnum:8}}_{{alnum:24}}>>"
plaid = "<<+token|access-production-{{uuid}}>>"
plaid_item = "<<-identifier|{{alnum:37}}>>"
rubygems = "<<+api-key|rubygems_{{hex:48}}>>"
netlify = "<<+token|nfp_{{alnum:36}}>>"
vercel = "<<+token|vcp_{{base64url:56}}>>"
supabase = "<<+token|sbp_{{hex:40}}>>"
supabase_url = "<<-url|https://{{lower:20}}.supabase.co>>"
pscale = "<<+password|pscale_pw_{{base64url:43}}>>"
circle = "<<+token|CCIPAT_{{alnum:22}}_{{hex:40}}>>"
buildkite = "<<+token|bkua_{{hex:40}}>>"
hubspot = "<<+token|pat-na1-{{uuid}}>>"
fb = "<<+token|EAAC{{alnum:150}}ZD>>"
recaptcha_site = "<<-identifier|6L{{alnum:6}}AAAAA{{base64url:27}}>>"
