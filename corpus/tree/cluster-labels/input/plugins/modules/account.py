EXAMPLES = '''
- name: create an account
  cs_account: { username: customer1, password: <<?placeholder|S3Cur3>>, state: present }
- account: { user: tomcat, password: <<?placeholder|p4ssw0rd>> }
- proxy: { proxy_password: <<?placeholder|p@ssw0rd>> }
- vpn: { ipsec_psk: "<<?placeholder|S3cr3Tk3Y>>" }
- proxmox: { api_password: <<?placeholder|1q2w3e>> }
- mail: { mailbox_password: "<<?placeholder|myboxpw>>" }
- mysql: { password: '<<-hash|*{{HEX:40}}>>' }
- url: "{{ lookup('url', 'https://x.example', username='bob', password='<<?placeholder|hunter2>>') }}"
- domain: C(no) will allow the password to <<-prose|expire>>.
- linode: Generate a long random password that comply to <<-prose|Linode>> requirements
- live: { login_token: <<+token|{{alnum:20}}>>, root_password: <<+password|{{[a-zA-Z0-9.]:13}}>> }
'''
