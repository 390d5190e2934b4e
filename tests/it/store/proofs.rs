//! Leaks whose owners are proven by what real programs made: PostgreSQL, Redis, OpenBao, openssl and ssh-keygen.

use std::{
    fmt::Write as _,
    process::{Command, Stdio},
};

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use super::{
    commands::Cli,
    fixture::{Fixture, on_both_engines, program, run_sql, skip},
};
use crate::samples;

on_both_engines!(a_leaked_password_is_proven_by_the_verifier_of_a_real_server);

/// `COPY (SELECT …) TO STDOUT`, as `psql --csv` writes it.
fn roles_as_csv(server: &str, like: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let sql = format!(
        "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolpassword,
            CAST(rolvaliduntil AS TEXT) AS rolvaliduntil FROM pg_authid WHERE rolname LIKE '{like}%'"
    );
    runtime.block_on(async {
        let mut connection = PgConnection::connect(server).await.unwrap();
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let mut out = "rolname,rolsuper,rolcreaterole,rolcreatedb,rolcanlogin,rolreplication,rolbypassrls,rolpassword,\
                       rolvaliduntil\n"
            .to_owned();
        for row in rows {
            let flag = |at: usize| if row.get::<bool, _>(at) { "t" } else { "f" };
            let text = |at: usize| row.get::<Option<String>, _>(at).unwrap_or_default();
            let flags = [1, 2, 3, 4, 5, 6].map(flag).join(",");
            writeln!(out, "{},{flags},{},{}", text(0), text(7), text(8)).unwrap();
        }
        out
    })
}

/// A role with a password on the server that the tests have; what the server keeps of it proves that a leaked address is its.
fn a_leaked_password_is_proven_by_the_verifier_of_a_real_server(fixture: &Fixture) {
    let Some(server) = std::env::var("UNLEAK_TEST_POSTGRES").ok().filter(|address| !address.is_empty()) else {
        return skip("UNLEAK_TEST_POSTGRES is not set");
    };
    let mut bytes = [0; 6];
    super::fixture::random(&mut bytes).unwrap();
    let role = format!("svc_{}", data_encoding::HEXLOWER.encode(&bytes));
    let password = ["k9Xq", "Wv27ZtLmR", "b4Hs"].concat();
    run_sql(&server, &format!("CREATE ROLE {role} LOGIN PASSWORD '{password}'"));
    run_sql(&server, &format!("CREATE ROLE {role}_other LOGIN PASSWORD 'another-{password}'"));
    let roles = roles_as_csv(&server, &role);
    run_sql(&server, &format!("DROP ROLE {role}, {role}_other"));
    assert!(roles.contains("SCRAM-SHA-256$"), "{roles}");

    let cli = Cli::new(fixture);
    cli.ok(&["store", "init"]);
    cli.write("roles.csv", &roles);
    // Another user than the role's in the address: only the verifier can tell.
    cli.write("app/.env", &format!("DATABASE_URL=postgres://app:{password}@db.internal:5432/shop\n"));
    cli.ok(&["inventory", "import", "--scope", "db.internal", "roles.csv"]);
    cli.scan(&["app"]);
    cli.ok(&["link"]);
    let finding = cli.findings(&[])[0]["id"].as_str().unwrap().to_owned();
    let (_, explained, _) = cli.run(&["explain", &finding]);
    assert!(explained.contains(&role) && !explained.contains(&format!("{role}_other")), "{explained}");
    assert!(explained.contains("A0"), "{explained}");
    assert!(!explained.contains(&password));
    // A variable that names no user.
    cli.write("job/.env", &format!("DB_PASSWORD={password}\n"));
    cli.scan(&["job"]);
    cli.ok(&["link"]);
    let other = cli.findings(&["--path", ".env", "--rule", "generic"]);
    let (_, explained, _) = cli.run(&["explain", other[0]["id"].as_str().unwrap()]);
    assert!(explained.contains("A0") && explained.contains(&role), "{explained}");
}

/// A real Redis with a user and a default password: what it lists of them proves that leaked ones are theirs.
#[test]
fn leaked_passwords_are_proven_by_the_list_of_a_real_redis() {
    let fixture = Fixture::sqlite();
    let cli = Cli::new(&fixture);
    let (default, billing) = (["zz9X", "qWv27ZtLm", "Rb4Hs"].concat(), ["p7Kd", "Lw90QnTyV", "c3Xa"].concat());
    let socket = cli.home.path().join("redis.sock");
    let server = Command::new(program("redis-server"))
        .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
        .arg(&socket)
        .current_dir(cli.home.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut server) = server else { return skip("redis-server is missing") };
    let ask = |args: &[&str]| Command::new(program("redis-cli")).arg("-s").arg(&socket).args(args).output().unwrap();
    for _ in 0..100 {
        if ask(&["PING"]).stdout.starts_with(b"PONG") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    ask(&["ACL", "SETUSER", "billing", "on", &format!(">{billing}"), "~cache:*", "+get"]);
    let list = ask(&["ACL", "LIST"]).stdout;
    ask(&["ACL", "SETUSER", "default", "resetpass", &format!(">{default}")]);
    let with_default = ask(&["-a", &default, "--no-auth-warning", "ACL", "LIST"]).stdout;
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(!list.is_empty() && with_default.len() > list.len());

    cli.ok(&["store", "init"]);
    cli.write("acl.txt", &String::from_utf8(with_default).unwrap());
    cli.ok(&["inventory", "import", "--scope", "cache", "acl.txt"]);
    cli.write("app/.env", &format!("REDIS_URL=redis://:{default}@cache:6379/0\nREDIS_PASSWORD={billing}\n"));
    cli.scan(&["app"]);
    cli.ok(&["link"]);
    let explained: String =
        cli.findings(&[]).iter().map(|finding| cli.run(&["explain", finding["id"].as_str().unwrap()]).1).collect();
    assert_eq!(explained.matches("A0 100 %").count(), 2, "{explained}");
    assert!(explained.contains("default") && explained.contains("billing"), "{explained}");
}

#[test]
fn keys_that_openssl_and_ssh_keygen_made_are_linked_to_their_private_halves() {
    let fixture = Fixture::sqlite();
    let cli = Cli::new(&fixture);
    let run = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).current_dir(cli.home.path()).stdin(Stdio::null()).output();
        output.is_ok_and(|output| output.status.success())
    };
    let made = run(
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "tls.key",
            "-out",
            "tls.pem",
            "-days",
            "30",
            "-subj",
            "/CN=billing.example.org",
        ],
    ) && run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "deploy@example", "-f", "deploy"]);
    if !made {
        return skip("openssl or ssh-keygen is missing");
    }
    cli.ok(&["store", "init"]);
    cli.ok(&["inventory", "import", "tls.pem"]);
    cli.ok(&["inventory", "import", "--scope", "acme", "deploy.pub"]);
    for (private, rule) in [("tls.key", "tls"), ("deploy", "ssh")] {
        let text = std::fs::read_to_string(cli.home.path().join(private)).unwrap();
        cli.write(&format!("leak/{rule}/key.txt"), &text);
    }
    cli.scan(&["leak"]);
    cli.ok(&["link"]);
    let findings = cli.findings(&[]);
    assert_eq!(findings.len(), 2, "{findings:?}");
    let explained: String =
        findings.iter().map(|finding| cli.run(&["explain", finding["id"].as_str().unwrap()]).1).collect();
    assert!(explained.contains("billing.example.org") && explained.contains("deploy@example"), "{explained}");
    // An id may have these letters, too.
    assert_eq!(explained.lines().filter(|line| line.starts_with("A0 ")).count(), 2, "{explained}");
}

/// OpenBao itself says how it writes a leaked token into its audit log; the log says whose that is.
#[test]
fn a_leaked_token_is_proven_by_the_audit_log_of_a_real_openbao() {
    let Some(programs) = std::env::var_os("UNLEAK_TEST_PROGRAMS") else {
        return skip("UNLEAK_TEST_PROGRAMS is not set");
    };
    let fixture = Fixture::sqlite();
    let cli = Cli::new(&fixture);
    let (home, bao) = (cli.home.path().to_owned(), std::path::Path::new(&programs).join("bao"));
    let log = home.join("audit.log");
    cli.write(
        "audit.hcl",
        &format!("audit \"file\" \"file\" {{\n  options = {{ file_path = \"{}\" }}\n}}\n", log.display()),
    );
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (address, root) = (format!("127.0.0.1:{port}"), samples::aws_key(3).1.replace(['/', '+'], "x"));
    let mut server = Command::new(&bao)
        .args(["server", "-dev", "-dev-no-store-token", "-config=audit.hcl"])
        .arg(format!("-dev-root-token-id={root}"))
        .arg(format!("-dev-listen-address={address}"))
        .env("HOME", &home)
        .current_dir(&home)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let ask = |token: &str, args: &[&str]| {
        let mut command = Command::new(&bao);
        command.args(args).env("BAO_ADDR", format!("http://{address}")).env("BAO_TOKEN", token).env("HOME", &home);
        command.output().unwrap()
    };
    for _ in 0..200 {
        if ask(&root, &["token", "lookup"]).status.success() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let made = ask(&root, &["token", "create", "-policy=default", "-display-name=billing", "-format=json"]).stdout;
    let made: Value = serde_json::from_slice(&made).unwrap();
    let token = made["auth"]["client_token"].as_str().unwrap().to_owned();
    assert!(ask(&token, &["token", "lookup"]).status.success());
    let audit = std::fs::read_to_string(&log).unwrap();
    assert!(audit.contains("hmac-sha256:") && !audit.contains(&token));

    cli.ok(&["store", "init"]);
    cli.ok(&["inventory", "import", "--scope", "bao.test", log.to_str().unwrap()]);
    cli.write("leak/.env", &format!("VAULT_TOKEN={token}\n"));
    let hash = format!("[\"{}\", \"write\", \"-field=hash\", \"sys/audit-hash/file\", \"input=-\"]", bao.display());
    let scan = |line: &str| {
        let mut command = cli.command(&["scan", "--store", "--fail-on", "never", "leak"]);
        command.env("UNLEAK_VAULT_HASH_COMMAND", line).env("BAO_ADDR", format!("http://{address}"));
        command.env("BAO_TOKEN", &root).output().unwrap()
    };
    // What can't be asked is said, and nothing else changes.
    let failed = scan("false");
    assert!(failed.status.success() && String::from_utf8_lossy(&failed.stderr).contains("`false` failed"));
    let output = scan(&hash);
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    cli.ok(&["link"]);
    let found = cli.findings(&[]);
    let (_, explained, _) = cli.run(&["explain", found[0]["id"].as_str().unwrap()]);
    assert!(explained.contains("A0") && explained.contains("vault-audit"), "{explained}");
    assert!(!explained.contains(&token));
    let doctor = cli.run(&["store", "doctor"]);
    assert_eq!(doctor.0, 0, "{doctor:?}");
}
