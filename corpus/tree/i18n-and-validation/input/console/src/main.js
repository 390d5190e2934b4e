throw Error("Parse Error: multiple actions possible at state: "+p+", token: "<<-code|+s,null,null,!1)>>;
if(e.token!==<<-code|t.token>>&&n.secretKey===<<-code|o.default.secretKey>>)return r.password=<<-code|i(e,"password")>>,r;
