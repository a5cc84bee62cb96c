//! Runs that are killed.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use crate::support::{self, Running, Sandbox, times};
use crate::{Held, RUN_ID, check_emptied, check_last_runs, current, names, player, run};

#[test]
fn what_a_killed_run_leaves_goes_with_the_next() {
    let sandbox = Sandbox::new();
    let root = sandbox.join("root");
    let held = Held::start(&mut player("hold", &root));
    assert_eq!(current(&root), held.root());
    let left = held.dir.clone();
    held.kill();
    assert!(
        left.join("a/b/1").exists(),
        "until then, it can be looked at"
    );
    let told = run(&mut player("once", &root));
    assert_eq!(told[0].parent(), Some(&*root.join("run_root-2")));
    assert!(names(&root).is_empty());

    // What it had kept by then is kept. What its policy would have kept later is not.
    let held = Held::start(&mut player("keep and hold", &root));
    let kept = held.dir.clone();
    held.kill();
    run(&mut player("once", &root));
    assert_eq!(names(&root), ["run_root-1"]);
    check_emptied(&root.join("run_root-1"), &[kept]);
    fs::remove_dir_all(root).unwrap();
    sandbox.check();
}

/// Runs side by side, some of several processes, that end or are killed at moments without a pattern.
fn killed_at_random(kills: usize) {
    let sandbox = Sandbox::new_in(&support::in_memory());
    let root = sandbox.join("root");
    let random = fastrand::Rng::with_seed(kills as u64);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let (root, mut random) = (&root, random.clone().fork());
            scope.spawn(move || {
                for _ in 0..kills.div_ceil(3) {
                    let role = random.choice(["hold", "keep and hold", "keep", "once", "race"]);
                    let mut command = player(role.unwrap(), root);
                    if random.bool() {
                        command.env(RUN_ID, random.u8(..3).to_string());
                    }
                    let child = command.stdin(Stdio::piped()).stdout(Stdio::null());
                    let mut process = Running(child.stderr(Stdio::piped()).spawn().unwrap());
                    for _ in 0..random.u32(..400_000) {
                        std::hint::spin_loop();
                    }
                    if random.bool() {
                        continue;
                    }
                    // One that ends by itself has looked after its own.
                    drop(process.0.stdin.take());
                    let mut stderr = String::new();
                    let pipe = process.0.stderr.as_mut().unwrap();
                    pipe.read_to_string(&mut stderr).unwrap();
                    assert!(process.0.wait().unwrap().success(), "{role:?}: {stderr}");
                }
            });
        }
    });
    run(&mut player("once", &root));
    check_last_runs(&root);
    fs::remove_dir_all(root).unwrap();
    sandbox.check();
}

#[test]
fn after_kills_at_random_the_last_runs_remain() {
    killed_at_random(times(30));
}

#[test]
#[ignore = "heavy: a thousand processes"]
fn heavy_after_kills_at_random_the_last_runs_remain() {
    killed_at_random(1_000);
}
