#!/bin/sh
# What the service answers:
#  "primaryEndpointKey": "<<+api-key|{{uuid}}>>",
#  "secondaryEndpointKey": "<<+api-key|{{uuid}}>>",
#  "hostName": "https://kits.example.org"
curl -s "https://maps.example.org/js?v=3&key=<<+api-key|{{alnum:32}}>>&callback=ready"
curl -s "https://api.example.org/list?page=2&sort_key=<<-identifier|created_at>>"
KEY_ID=<<-uuid|{{uuid}}>>
export SIGNING_KEY=<<+key|{{word}}{{word}}{{digits:2}}>>
