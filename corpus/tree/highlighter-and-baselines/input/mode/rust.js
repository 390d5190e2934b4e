CodeMirror.defineSimpleMode("rust", { start: [
  {regex: /b?"/, token: "<<-code|string>>", next: "string"},
  {regex: /(?:[nrt0'"]|x[\da-fA-F]{2})/, token: "<<-code|string-2>>"},
  {regex: /(?:true|false)\b/, token: "<<-code|atom>>"},
  {regex: /[a-z]+!/, token: "<<-code|variable-3>>"},
  {regex: /0x[\da-f]+/, token: "<<-code|constant.numeric>>"},
  {defaultToken: "<<-code|comment.doc.tag.storage.type>>", token: ["<<-code|keyword.operator.sql>>", "<<-code|text>>"]}
]});
function next(stream, state) { if (state.prevToken == "<<-code|variable-3>>" || state.lastToken == "<<-code|}>>") return true; state.tokenize = <<-code|tokenBase>>; return tokenKey = "<<-code|identifier>>"; }
var emoji = { secret: "<<-identifier|unicode/3299>>", key: "<<-identifier|unicode/1f511>>", closed_lock_with_key: "<<-identifier|unicode/1f510>>" };
var TOKENS = { PASSWORD: <<-code|0x1f>>, SECRET: <<-code|1 << 4>>, KEY_DELETE: "<<-identifier|[3~>>" };
