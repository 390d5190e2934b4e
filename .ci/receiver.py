"""Receives webhooks on loopback: python receiver.py PORT FILE.

Each request is verified by the package standardwebhooks, which knows nothing of unleak, with the key in the variable
UNLEAK_WEBHOOK_KEY. One line of JSON goes to FILE for each: whether its signature is right, and the event.
"""

import http.server
import json
import os
import sys

from standardwebhooks import Webhook, WebhookVerificationError


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            event = Webhook(os.environ["UNLEAK_WEBHOOK_KEY"]).verify(body.decode(), headers)
            line, status = {"verified": True, "id": headers["webhook-id"], "event": event}, 204
        except (WebhookVerificationError, ValueError) as error:
            line, status = {"verified": False, "error": str(error)}, 401
        with open(sys.argv[2], "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_GET(self):
        self.send_response(204)
        self.end_headers()


http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
