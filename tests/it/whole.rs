//! A secret is found whole: what its notation escapes, doubles or quotes in it does not end it, and nothing of it is printed.

use unleak::{
    Scanner,
    report::{FORMATS, ReportOptions},
    rule::template::{SampleRng, expand},
    source::{FileOptions, Files},
};

use crate::engine::scan;

/// Values of that many seeds are tried.
const SEEDS: u64 = 6;

/// The text of a template, its secret (between `‹` and `›`), and the generated parts of that, which `A` and `B` stand for.
fn planted(template: &str, seed: u64) -> (String, String, [String; 2]) {
    let mut rng = SampleRng::new(seed);
    let mut fill = |template: &str| {
        expand(template, &mut rng, &|_| Vec::new()).map(|text| String::from_utf8(text.bytes).unwrap()).unwrap()
    };
    let parts =
        [fill("{{upper:1}}{{lower:3}}{{digits:2}}{{alnum:3}}"), fill("{{upper:1}}{{alnum:6}}{{lower:1}}{{digits:1}}")];
    let template = template.replace("\\n", "\n");
    let (before, rest) = template.split_once('‹').unwrap();
    let (secret, after) = rest.split_once('›').unwrap();
    let secret = secret.replace('A', &parts[0]).replace('B', &parts[1]);
    (format!("{before}{secret}{after}\n"), secret, parts)
}

/// Of those templates, which are not found whole, or leave something to be read?
fn broken(templates: &[(&str, &str)]) -> String {
    let scanner = Scanner::builtin();
    let mut broken = String::new();
    for (name, template) in templates {
        let wrong = (0..SEEDS).filter(|seed| !is_whole(&scanner, name, template, *seed)).count();
        if wrong > 0 {
            broken += &format!("{wrong} of {SEEDS}: {name}: {template}\n");
        }
    }
    broken
}

fn is_whole(scanner: &Scanner, name: &str, template: &str, seed: u64) -> bool {
    let (text, secret, parts) = planted(template, seed);
    let dir = tempfile::Builder::new().prefix("place").tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, &text).unwrap();
    let report = scan(scanner, &Files::new(vec![path], FileOptions::default()).unwrap(), 1);
    let is_found = report.findings.iter().any(|finding| finding.secret.expose() == secret.as_bytes());
    let shows = FORMATS.iter().any(|format| {
        let mut out = Vec::new();
        format.reporter.write(&report, &ReportOptions::default(), &mut out).unwrap();
        let out = String::from_utf8_lossy(&out).into_owned();
        parts.iter().any(|part| out.contains(part.as_str()))
    });
    is_found && !shows
}

#[test]
fn quotation_marks_that_are_escaped_or_doubled_end_no_secret() {
    let wrong = broken(&[
        ("app.json", r#"{"password": "‹A\"B›"}"#),
        ("app.json", r#"{"a": "{\"password\":\"‹A\\\"B›\"}"}"#),
        ("app.php", r"$password = '‹A\'B›';"),
        ("App.java", r#"String password = "‹A\"B›";"#),
        ("main.c", r#"const char *password = "‹A\"B›";"#),
        ("app.js", r#"const password = "‹A\"B›";"#),
        ("app.py", r#"login("bob", password="‹A\"B›")"#),
        ("app.py", r#"password = """‹A"B›""""#),
        (".env", r#"DB_PASSWORD="‹A\"B›""#),
        ("a.sql", "INSERT INTO t (user,password) VALUES ('bob','‹A''B›');"),
        ("a.sql", "ALTER USER x IDENTIFIED BY '‹i''A-B›';"),
        ("app.vb", r#"Const Password = "‹A""B›""#),
        ("app.yml", "password: '‹A''B›'"),
        ("app.sh", r"export DB_PASSWORD='‹A'\''B›'"),
        ("App.java", r#"if ("‹A\"B›".equals(password)) {"#),
        ("App.java", r#"smtp.login("bob", "‹A\"B›");"#),
    ]);
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn texts_without_escapes_end_at_their_mark() {
    let scanner = Scanner::builtin();
    let (text, secret, _) = planted(r"$password = '‹A\›'; $dir = 'C:\'; $name = 'x'", 1);
    let report = scanner.scan_bytes("a.ps1", text.as_bytes());
    assert!(report.findings.iter().any(|finding| finding.secret.expose() == secret.as_bytes()));
}

#[test]
fn quoted_arguments_of_commands_are_taken_whole() {
    let wrong = broken(&[
        ("a.sh", "mysql -u root -p'‹A&B›' shop"),
        ("a.sh", "mysqldump -uroot -p'‹A B›' shop"),
        ("a.sh", "sshpass -p \"‹A;B›\" ssh host"),
        ("a.sh", "sshpass -p '‹x&AB›' ssh host"),
        ("a.sh", "docker login -u ci -p '‹A|B›' registry.corp.net"),
        ("a.sh", "redis-cli -a '‹A<B›' ping"),
        ("a.sh", "ldapsearch -x -w '‹A>B›' -b dc=corp"),
        ("a.sh", "az login -u app -p '‹A`B›'"),
        ("a.sh", "ansible-playbook -e \"db_password=‹A&B›\" site.yml"),
        ("a.sh", "openssl req -passout 'pass:‹A;B›'"),
        ("a.sh", "curl -u 'svc:‹A\"B›' https://x.corp.net"),
    ]);
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_login_in_a_url_ends_at_its_last_mark() {
    let wrong = broken(&[
        ("a.yml", "url: postgres://app:‹A@B›@db.prod.net/x"),
        ("a.yml", "url: mongodb://app:‹A@B›@db.prod.net:27017/x"),
        ("a.py", "requests.get('https://app:‹A@B@›@api.corp.net/x')"),
    ]);
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_setting_may_have_blanks_and_a_command_is_none() {
    let wrong = broken(&[(".env", "DB_PASSWORD=‹A B›"), (".env", "X=1\\nexport API_TOKEN=‹A B›")]);
    assert!(wrong.is_empty(), "{wrong}");
    let (text, secret, _) = planted("PGPASSWORD=‹A› psql -h db1 shop", 3);
    let report = Scanner::builtin().scan_bytes("a.sh", text.as_bytes());
    assert!(report.findings.iter().any(|finding| finding.secret.expose() == secret.as_bytes()));
}

#[test]
fn text_between_tags_may_have_any_sign() {
    let wrong = broken(&[
        ("settings.xml", "<password>‹A,B›</password>"),
        ("settings.xml", "<password>‹A&amp;B›</password>"),
        ("settings.xml", "<password>‹A;B›</password>"),
        ("settings.xml", "<password>‹A)B]›</password>"),
        ("settings.xml", "<password>‹A}B|›</password>"),
        ("settings.xml", "<password>‹A'B›</password>"),
        ("settings.xml", "<password>‹A\"B›</password>"),
        ("settings.xml", "<password>‹A>B›</password>"),
        ("web.config", "<setting name=\"SmtpPassword\"><value>‹A,B›</value></setting>"),
        ("settings.xml", "<password><![CDATA[‹A<B›]]></password>"),
    ]);
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn backticks_escape_marks_in_powershell() {
    let wrong = broken(&[
        ("a.ps1", r#"$Password = "‹A`"B›""#),
        ("a.ps1", r#"$Password = "‹A`$B›""#),
        ("a.ps1", r#"$Password = "‹A`$x`"B›""#),
    ]);
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_value_in_a_list_goes_up_to_the_next_item() {
    let wrong = broken(&[
        ("web.config", "<add name=\"M\" connectionString=\"Server=S;User Id=w;Password=‹A&amp;B›;\" />"),
        ("web.config", "<add connectionString=\"Data Source=S;User ID=w;Password=‹A&lt;B›\" />"),
        (
            "web.config",
            "<add connectionString=\"x=y;provider connection string=&quot;data source=S;user id=w;password=‹A'B›&quot;\" />",
        ),
        ("app.json", r#"{"D": "Server=S;User Id=w;Password=‹A>B›;"}"#),
        ("app.json", r#"{"D": "Server=S;User Id=w;Password=‹A\u003eB›;Encrypt=True"}"#),
        ("app.json", r#"{"D": "Server=S;User Id=w;Password=‹A\\B›;"}"#),
        ("app.json", r#"{"D": "Server=S;User Id=w;Password=‹A B›;"}"#),
        ("app.json", r#"{"D": "Server=S;User Id=w;Password=\"‹A;B›\";"}"#),
        ("app.json", r#"{"D": "Server=S;User Id=w;Password='‹A;B›';"}"#),
        ("app.json", r#"{"D": "Host=h;Username=w;Password=‹A{B›;Database=x"}"#),
        ("app.json", r#"{"D": "Host=h;Username=w;Password=‹x{A'B›;Database=x"}"#),
        ("App.cs", r#"var c = @"Server=S;User Id=w;Password=‹A""B›;";"#),
        ("a.py", "pyodbc.connect(\"DRIVER={SQL Server};SERVER=s;UID=u;PWD=‹A}B›\")"),
        ("a.py", "pyodbc.connect(\"DRIVER={SQL Server};SERVER=s;UID=u;PWD=‹A'B›;\")"),
        ("a.ini", "cs = Driver={ODBC Driver 17};Server=s;UID=u;PWD={‹A;B}}x›};Encrypt=yes"),
        ("a.properties", "url=jdbc:sqlserver://s.prod.net;user=sa;password=‹A&B›;encrypt=true"),
        ("a.go", "sql.Open(\"postgres\", \"host=h user=u password=‹A;B› dbname=x\")"),
        ("a.go", "sql.Open(\"postgres\", \"host=h user=u password=‹x&A(B› dbname=x\")"),
        ("a.go", "sql.Open(\"postgres\", \"host=h user=u password='‹A B›' dbname=x\")"),
        ("a.go", "sql.Open(\"mysql\", \"app:‹A,B›@tcp(db1.prod.net:3306)/x\")"),
        ("a.go", "sql.Open(\"mysql\", \"app:‹A)B{›@tcp(db1.prod.net:3306)/x\")"),
    ]);
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn blanks_between_pairs_say_where_a_value_ends() {
    let wrong = broken(&[
        ("a.log", "user=svc password=‹A&B› host=db"),
        ("a.log", "user=svc password=‹A;B› host=db"),
        ("a.log", "user=svc password=‹A,B› host=db"),
        ("a.log", "user=svc password=‹A]B›"),
        ("a.log", "password=‹A;B› host=db"),
        ("a.service", "Environment=DB_PASSWORD=‹A&B›"),
        ("a.service", "Environment=DB_PASSWORD=‹A;B›"),
    ]);
    assert!(wrong.is_empty(), "{wrong}");
    let scanner = Scanner::builtin();
    for text in ["user=svc, password=‹A›, host=db", "x=1 password=‹A›&user=B host=db", "f(user=x, password=‹A›); y=1"]
    {
        let (text, secret, _) = planted(text, 1);
        let found = scanner.scan_bytes("a.log", text.as_bytes()).findings;
        assert!(found.iter().any(|finding| finding.secret.expose() == secret.as_bytes()), "{text}");
    }
}

#[test]
fn quotes_around_a_pair_say_where_its_value_ends() {
    let wrong = broken(&[
        ("a.service", "Environment=\"DB_PASSWORD=‹A B›\""),
        ("a.service", "Environment=\"DB_PASSWORD=‹A]B›\""),
        ("docker-compose.yml", "   - \"MYSQL_ROOT_PASSWORD=‹A:x B›\""),
        ("docker-compose.yml", "   - \"MYSQL_ROOT_PASSWORD=‹A:B›\""),
    ]);
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_password_of_several_words_is_found_whole() {
    let wrong = broken(&[
        ("a.properties", "db.password=‹A B 42!›"),
        ("a.ini", "password = ‹A B 42!›"),
        ("a.yml", "password: ‹A B 42!› # prod"),
        ("a.py", "password = \"‹A B 42!›\""),
        ("a.xml", "<password>‹A-B 77›</password>"),
    ]);
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_line_of_a_file_of_passwords_may_have_any_sign() {
    let wrong = broken(&[
        (".pgpass", "db:5432:x:app:‹A}B›"),
        (".pgpass", "db:5432:x:app:‹A\\:B›"),
        (".pgpass", "db:5439:x:app:‹A'B<›"),
        (".netrc", "machine h login u password ‹A'B›"),
        (".netrc", "machine h login u password ‹A\"B›"),
        (".netrc", "machine h login u password ‹A\\B›"),
        ("router.cfg", "username ops password ‹A$&B!›"),
    ]);
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn commands_that_go_on_below_are_read_to_their_end() {
    let wrong = broken(&[
        ("a.sh", "curl -X PUT \\\\n  -H 'A: b' \\\\n  --user svc:‹AB› \\\\n  https://x.corp.net"),
        ("a.sh", "curl 'https://x.corp.net/?a=1&b=2' -d '{\"a\": \"b|c\"}' -ksu svc:‹AB›"),
        ("a.sh", "curl -u 'svc:‹x$/A:{B›' https://x.corp.net"),
        ("a.sh", "curl -u CORP\\\\svc:‹AB› https://x.corp.net"),
        ("a.sh", "mysql -h db1 \\\\n  -u root \\\\n  -p'‹A&B›' shop"),
        ("a.sh", "docker login \\\\n  -u ci \\\\n  -p ‹AB› registry.corp.net"),
        ("a.sh", "ldapsearch -x \\\\n -D cn=a \\\\n -w ‹AB›"),
        ("a.ps1", "ConvertTo-SecureString '‹A$B›' -AsPlainText -Force"),
        ("a.ps1", "ConvertTo-SecureString -String '‹A B›' -AsPlainText -Force"),
        ("a.ps1", "ConvertTo-SecureString('‹AB›')"),
    ]);
    assert!(wrong.is_empty(), "{wrong}");
}
