//! What is denied below a grant.

use super::*;

#[test]
fn a_credential_store_below_a_grant_is_masked() {
    let policy = policy(r#""fs_read":{"allowedPaths":["~"]},"#);
    let existing = ["/home/u", "/home/u/.ssh"];
    let with = plan(&policy, &host(&policy, &existing));
    assert_eq!(with.masks.iter().map(|mask| mask.path.as_str()).collect::<Vec<_>>(), ["/home/u/.ssh"]);
    let without = plan(&policy, &without_namespaces(host(&policy, &existing)));
    assert!(gap(&without, "`~/.ssh`: hidden from the tools, and not from commands"));
    assert_eq!(
        (with.hidden_from_tools, without.hidden_from_tools.as_slice()),
        (Vec::new(), ["/home/u/.ssh".to_owned()].as_slice())
    );
}

#[test]
fn what_is_hidden_and_not_there_is_told() {
    let policy = policy(r#""fs_read":{"allowedPaths":["."],"deniedPaths":["later.txt","/elsewhere/x"]},"#);
    let host = host(&policy, &["/w"]);
    for host in [without_namespaces(host.clone()), host] {
        let plan = plan(&policy, &host);
        assert!(gap(&plan, "commands can read what somebody else makes while they run at `later.txt`"), "{:#?}", plan.gaps);
        assert_eq!(plan.hidden_from_tools, Vec::<String>::new());
    }
}

#[test]
fn what_was_committed_of_hidden_files_is_told() {
    let told = "commands can read what the history of the repository holds of hidden files";
    let check = |denied: &str, existing: &[&str], expected: bool| {
        let policy = policy(&format!(r#""fs_read":{{"allowedPaths":["."],"deniedPaths":[{denied}]}},"#));
        assert_eq!(gap(&plan(&policy, &host(&policy, existing)), told), expected, "{denied}");
    };
    check(r#""secrets.txt""#, &["/w", "/w/.git"], true);
    check(r#""**/.env""#, &["/w", "/w/.git"], true);
    check(r#""**/.env""#, &["/w"], false);
    check(r#""/elsewhere/x""#, &["/w", "/w/.git"], false);
    check(r#""**/.env",".git""#, &["/w", "/w/.git"], false);
}

#[test]
fn a_directory_of_programs_that_is_written_is_told() {
    let check = |search: &str, expected: bool| {
        let policy = policy_under("dev", r#""fs_write":{"allowedPaths":["bin/"]}"#);
        let mut host = host(&policy, &["/w/bin"]);
        host.environment.insert("PATH".to_owned(), search.to_owned());
        let plan = plan(&policy, &host);
        let told = "commands can make programs with the names that patterns allow, in `bin`";
        assert_eq!(gap(&plan, told), expected, "{:?} {:#?}", plan.search_path, plan.gaps);
    };
    check("/usr/bin:/w/bin", true);
    check("/usr/bin", false);
}

#[test]
fn what_a_denied_pattern_matches_is_covered() {
    let policy =
        policy(r#""fs_write":{"allowedPaths":["."],"deniedPaths":["**/*.lock"]},"fs_read":{"deniedPaths":["**/*.pem"]},"#);
    let mut host = host(&policy, &[]);
    let found = |at: &str, complete| Matches { found: vec![(path(at), PathKind::File)], complete, links: Vec::new() };
    host.matches.insert("**/*.pem".to_owned(), found("/w/a/key.pem", true));
    host.matches.insert("**/*.lock".to_owned(), found("/w/b/c.lock", true));
    let covered = plan(&policy, &host);
    assert_eq!(covered.masks, [Mask { path: path("/w/a/key.pem"), directory: false }]);
    assert!(covered.read_only.contains(&path("/w/b/c.lock")) && covered.pinned.contains(&path("/w/b")));
    let outside = covered.outside.as_ref().unwrap();
    assert!(!outside.may_appear(&path("/w/new.pem"), Named::New) && !outside.may_appear(&path("/w/new.lock"), Named::New));
    assert!(gap(&covered, "commands can read what somebody else makes while they run and matches `**/*.pem`"));

    let linked = Matches { links: vec![path("/w/link.pem")], ..found("/w/a/key.pem", true) };
    let linked = plan(&policy, &Host { matches: [("**/*.pem".to_owned(), linked)].into(), ..host.clone() });
    assert!(gap(&linked, "`link.pem`: hidden from the tools, and not from commands"));
    host.matches.insert("**/*.pem".to_owned(), found("/w/a/key.pem", false));
    let partly = plan(&policy, &host);
    assert_eq!(partly.masks, [Mask { path: path("/w/a/key.pem"), directory: false }]);
    assert!(gap(&partly, "not everything that matches `**/*.pem` is hidden from commands"));
    host.matches.insert("**/*.lock".to_owned(), found("/w/b/c.lock", false));
    let partly = plan(&policy, &host);
    assert!(partly.read_only.contains(&path("/w/b/c.lock")));
    assert!(gap(&partly, "commands can write some of what is there and matches `**/*.lock`"));

    let without = plan(&policy, &without_namespaces(host.clone()));
    assert!(gap(&without, "`**/*.pem`: hidden from the tools, and not from commands"));
    assert!(!without.outside.as_ref().unwrap().may_write(&path("/w/b/c.lock")));
    let unasked = Host { notification: Availability::missing("no listener", "none"), ..without_namespaces(host) };
    assert!(gap(&plan(&policy, &unasked), "commands can write what is there and matches `**/*.lock`"));
}
