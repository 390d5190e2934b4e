object Keys {
    const val PREF_TOKEN = "<<-identifier|pebble.token>>"
    const val EXTRA_PASSWORD = "<<-identifier|com.pebble.extra.PASSWORD>>"
    private const val CLIENT_SECRET = "<<+client-secret|{{alnum:48}}>>"
    private const val AES_KEY = "<<+api-key|{{alnum:16}}>>"
    const val PINNED_CERT = "sha256/<<-public-key|{{base64:42}}{{[AEIMQUYcgkosw048]:1}}=>>"
    val PASSWORD_PATTERN: Pattern = Pattern.compile("<<-code|^[\\x20-\\x7E]{8,64}$>>")
}
class AuthRepository(private val prefs: SharedPreferences) {
    var token: String? = <<-code|prefs.getString(Keys.PREF_TOKEN, null)>>
    fun login(username: String, password: <<-code|CharSequence>>) = api.login(username, password.toString())
    fun demo() = login("demo@pebble.example", "<<+password|{{password}}>>")
    private val interceptor = Interceptor { chain ->
        val request = chain.request().newBuilder().header("Authorization", "Bearer <<-reference|$token>>").header("X-Client-Key", "<<+api-key|{{hex:32}}>>").build()
        chain.proceed(request)
    }
    @SerializedName("<<-identifier|access_token>>") val accessToken: String = <<-code|"">>
    @Query("<<-code|SELECT token FROM sessions WHERE user = :id>>") abstract fun tokenFor(id: Long): String
}
