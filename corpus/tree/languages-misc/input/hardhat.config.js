module.exports = {
  networks: {
    goerli: { url: "https://goerli.infura.io/v3/<<+api-key|{{hex:32}}>>", accounts: ["<<+private-key|0x{{hex:64}}>>"] },
    local: { accounts: { mnemonic: "<<?placeholder|test test test test test test test test test test test junk>>" } },
    main: { url: <<-reference|process.env.RPC_URL>>, accounts: [<<-reference|process.env.PRIVATE_KEY>>] },
  },
  etherscan: { apiKey: "<<+api-key|{{uppernum:34}}>>" },
  namedAccounts: { token: "<<-identifier|0x{{hex:40}}>>" },
};
