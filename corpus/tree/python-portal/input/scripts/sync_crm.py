#!/usr/bin/env python3
"""Copies contacts from the CRM. Usage: sync_crm.py [--token TOKEN]"""
import argparse
import requests
import psycopg2

BASE = "https://crm.portal.example/api/v2"
API_TOKEN = "<<+token|{{hex:40}}>>"
HEADERS = {"Authorization": "Bearer <<+bearer|{{base64url:48}}>>", "X-Request-Id": "<<-uuid|{{uuid}}>>"}
conn = psycopg2.connect(host="10.9.0.12", dbname="crm", user="sync", password="<<+password|{{[a-zA-Z0-9%]:13}}>>")
engine = create_engine("mysql+pymysql://crm:<<+connection-string|{{password}}>>@db.portal.example/crm?charset=utf8mb4")
engine2 = create_engine(f"postgresql://crm:<<-reference|{password}>>@{host}/crm")
smtp.login("sync@portal.example", "<<+password|{{alnum:12}}>>")
ssh.connect("files.portal.example", username="deploy", password='<<+password|{{word}}{{digits:3}}?>>')
s3 = boto3.client("s3", aws_access_key_id="<<-identifier|AKIA{{base32:16}}>>", aws_secret_access_key="<<+api-key|{{base64:40}}>>")
client = Client("<<-identifier|AC{{hex:32}}>>", "<<+token|{{hex:32}}>>")
slack = WebClient(token="<<+token|xoxb-{{digits:12}}-{{digits:13}}-{{alnum:24}}>>")
gh = Github(<<-code|os.environ["GITHUB_TOKEN"]>>)
parser = argparse.ArgumentParser()
parser.add_argument("--token", default=<<-reference|API_TOKEN>>, help="<<-prose|CRM API token>>")
parser.add_argument("--password-file", default="<<-path|/etc/crm/password>>")
password = <<-code|getpass.getpass("Password: ")>>
tokenizer = <<-code|AutoTokenizer.from_pretrained("bert-base-multilingual-cased")>>
next_page_token = <<-code|resp.json().get("next_page_token")>>
primary_key = "<<-identifier|contact_external_id>>"
cache_key = f"<<-code|crm:{account}:contacts>>"
sort_key = <<-code|lambda row: row["updated_at"]>>
PUBLIC_KEY = """<<-public-key|-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE{{base64:28}}
{{base64:58}}==
-----END PUBLIC KEY----->>"""
