class Relay < Formula
  url "https://github.com/relay/relay/archive/refs/tags/v1.2.0.tar.gz"
  sha256 "<<-hash|{{hex:64}}>>"
  bottle do
    sha256 cellar: :any, arm64_ventura: "<<-hash|{{hex:64}}>>"
  end
end
