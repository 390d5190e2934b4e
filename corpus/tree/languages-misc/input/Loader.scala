object Loader extends App {
  val password = sys.env.getOrElse("DB_PASSWORD", "<<+password|{{alnum:14}}>>")
  val token: <<-code|Option[String]>> = None
  val apiKey = "<<+api-key|{{hex:32}}>>"
  spark.read.format("jdbc").option("user", "loader").option("password", "<<+password|{{password}}>>").load()
  spark.conf.set("fs.azure.account.key.quarry.blob.core.windows.net", "<<+api-key|{{base64:85}}{{[AQgw]:1}}==>>")
  sc.hadoopConfiguration.set("fs.s3a.secret.key", "<<+api-key|{{base64:40}}>>")
  sc.hadoopConfiguration.set("fs.s3a.access.key", <<-code|dbutils.secrets.get("scope", "key")>>)
  implicit val encoder: Encoder[Token] = <<-code|deriveEncoder[Token]>>
  case class Login(user: String, password: <<-code|Secret[String]>>)
}
