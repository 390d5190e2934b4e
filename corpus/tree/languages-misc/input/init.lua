local M = { password = "<<+password|{{alnum:12}}>>", token = <<-code|nil>> }
local apikey = os.getenv("API_KEY") or "<<+api-key|{{alnum:32}}>>"
ngx.req.set_header("Authorization", "Basic " .. ngx.encode_base64("quarry:<<+basic-auth|{{alnum:12}}>>"))
red:auth("<<+password|{{alnum:20}}>>")
if key == "<<-identifier|escape>>" then return end
vim.keymap.set("n", "<leader>t", <<-code|toggle_token>>, { desc = "<<-prose|Toggle token tree>>" })
