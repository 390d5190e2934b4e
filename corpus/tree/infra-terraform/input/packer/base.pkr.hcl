source "vsphere-iso" "base" {
  vcenter_server      = "vc.platform.example"
  username            = "packer@vsphere.local"
  password            = "<<+password|{{[a-zA-Z0-9!]:13}}>>"
  ssh_password        = "<<+password|{{word}}{{digits:2}}>>"
  iso_checksum        = "sha256:<<-hash|{{hex:64}}>>"
  winrm_password      = <<-reference|var.winrm_password>>
  insecure_connection = true
  boot_command        = ["<wait5>", "linux auto=true passwd/root-password=<<+password|{{alnum:10}}>> <enter>"]
}
