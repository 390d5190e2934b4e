contract Vault {
  address constant OWNER = <<-identifier|0x{{hex:40}}>>;
  bytes32 constant ROOT = <<-hash|0x{{hex:64}}>>;
  bytes32 private password;
  event TokenSet(<<-code|address token>>, uint256 id);
  mapping(address => bytes32) secrets;
}
