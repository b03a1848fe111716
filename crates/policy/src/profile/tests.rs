use std::collections::BTreeMap;

use crate::{LimitKind, Profile};

fn load(name: &str, files: &[&str]) -> Result<Profile, String> {
    let named = |text: &&str| {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        (value["name"].as_str().unwrap().to_owned(), (*text).to_owned())
    };
    Profile::load(name, &files.iter().map(named).collect::<BTreeMap<_, _>>()).map_err(|error| error.to_string())
}

fn check_refused(rest: &str, expected: &str) {
    let error = load("p", &[&format!(r#"{{"name":"p","description":"d"{rest}}}"#)]).unwrap_err();
    assert!(error.contains(expected), "{rest}: {error}");
}

#[test]
fn the_profiles_that_ship_load() {
    for (name, text) in crate::BUILT_IN_PROFILES {
        // As a user's own file it is checked.
        let profile = load(name, &[text]).unwrap();
        assert!(profile.description.len() > 100, "{name} documents itself");
        assert_eq!(profile.unrestricted, name == "unrestricted");
    }
    let dev = load("dev", &[]).unwrap();
    assert_eq!(dev.toolchains, ["git", "rust", "node", "python", "go", "java"]);
    assert_eq!(dev.limits[&LimitKind::FileSize], 16 << 30);
    assert!(dev.files.execute.contains(&"/usr".to_owned()), "what it extends is folded in");
}

#[test]
fn no_profile_that_ships_grants_a_place_of_secrets_whole() {
    for (name, _) in crate::BUILT_IN_PROFILES {
        let files = load(name, &[]).unwrap().files;
        let granted = files.read.iter().chain(&files.write).chain(&files.execute).chain(&files.cache);
        for path in granted {
            let whole = [
                "/",
                "/etc",
                "/etc/ssl",
                "/etc/ssl/private",
                "/var",
                "/run",
                "/dev",
                "/home",
                "/root",
                "~",
                "~/.cargo",
                "~/.config",
                "~/.m2",
                "~/.gradle",
            ];
            assert!(!whole.contains(&path.trim_end_matches('/')) || path == ".", "{name}: {path}");
        }
    }
}

#[test]
fn a_users_file_takes_the_place_of_a_built_in_one() {
    let dev = load("dev", &[r#"{"name":"base","description":"mine"}"#]).unwrap();
    assert!(!dev.files.execute.contains(&"/usr".to_owned()));
}

#[test]
fn what_a_profile_says_itself_wins() {
    let below =
        r#"{"name":"a","description":"d","limits":{"memory":"1G","wallTime":"1h"},"env":{"set":{"A":"a"},"path":["/a"]}}"#;
    let above =
        r#"{"name":"b","description":"d","extends":["a"],"limits":{"memory":"2K"},"env":{"set":{"A":"b"},"path":["~/b"]}}"#;
    let profile = load("b", &[below, above]).unwrap();
    assert_eq!(profile.limits, BTreeMap::from([(LimitKind::Memory, 2048), (LimitKind::WallTime, 3600)]));
    assert_eq!(profile.env.set["A"], "b");
    assert_eq!(profile.env.path, ["~/b", "/a"]);
}

#[test]
fn profiles_that_are_wrong_are_refused() {
    check_refused(r#","fields":1"#, "unknown field");
    check_refused(r#","files":{"raed":[]}"#, "unknown field");
    check_refused(r#","extends":["p"]"#, "profile `p` extends itself");
    check_refused(r#","extends":["bas"]"#, "no profile is named `bas`");
    check_refused(r#","files":{"read":["a/../b"]}"#, "`a/../b`: a path pattern climbs with `..`");
    check_refused(r#","env":{"pass":["*"]}"#, "`*` is not the name of a variable");
    check_refused(r#","env":{"pass":["AWS_*"]}"#, "`AWS_*` is never passed");
    check_refused(r#","env":{"pass":["LD_PRELOAD"]}"#, "`LD_PRELOAD` is never passed");
    check_refused(r#","env":{"set":{"BASH_ENV":"x"}}"#, "`BASH_ENV` is never set");
    check_refused(r#","env":{"path":["node_modules/.bin"]}"#, "neither absolute nor below `~`");
    check_refused(r#","limits":{"memory":"4X"}"#, "is no value for `memory`");
    check_refused(r#","limits":{"memory":0}"#, "is no value for `memory`");
    check_refused(r#","limits":{"memory":"99999999999G"}"#, "is no value for `memory`");
    check_refused(r#","limits":{"memoyr":1}"#, "`memoyr` is no limit");
    assert!(load("dve", &[]).is_err());
}

#[test]
fn a_circle_of_profiles_is_refused() {
    let one = r#"{"name":"a","description":"d","extends":["b"]}"#;
    let other = r#"{"name":"b","description":"d","extends":["a"]}"#;
    assert_eq!(load("a", &[one, other]).unwrap_err(), "profile `a` extends itself");
}
