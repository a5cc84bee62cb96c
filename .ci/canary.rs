//! A race and a leak, which the sanitizers have to notice.

static mut COUNTER: u64 = 0;

fn count() {
    for _ in 0..100 {
        // What must never be done.
        unsafe { COUNTER += 1 };
    }
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        // Many: of one, a busy machine may have run the one half long before the other, and what is
        // no longer remembered is not reported.
        Some("race") => {
            for _ in 0..1_000 {
                let other = std::thread::spawn(count);
                count();
                other.join().unwrap();
            }
        }
        Some("leak") => {
            for n in 0..100 {
                std::mem::forget(std::hint::black_box(vec![n; 1_000]));
            }
        }
        _ => {}
    }
}
