//! Answers each line of standard input with a line on file descriptor 3, which first
//! says that it is ready. What functions and their children find as standard input is empty.

use serde::{de::DeserializeOwned, Serialize};
use serde_json::{Map, Value};
use std::any::Any;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::io::{AsRawFd, FromRawFd, IntoRawFd};
use std::panic::{catch_unwind, AssertUnwindSafe};

extern "C" {
    fn dup2(from: i32, to: i32) -> i32;
}

/// Runs a function until there are no more lines.
pub fn serve<A, R, E>(function: fn(A) -> Result<R, E>)
where
    A: DeserializeOwned,
    R: Serialize,
    E: Display,
{
    let call = |value| {
        let args = serde_json::from_value(value)
            .map_err(|e| format!("the arguments do not fit the function: {}", e))?;
        let result = function(args).map_err(|e| e.to_string())?;
        serde_json::to_value(result).map_err(|e| format!("the result cannot be JSON: {}", e))
    };
    if let Err(failure) = answer_all(&call) {
        eprintln!("launcher: {}", failure);
        std::process::exit(1);
    }
}

type Call<'a> = &'a dyn Fn(Value) -> Result<Value, String>;

fn answer_all(call: Call) -> io::Result<()> {
    let (requests, mut answers) = streams()?;
    answers.write_all(b"{\"ok\":true}\n")?;
    let mut requests = BufReader::with_capacity(64 << 10, requests);
    let mut line = Vec::new();
    while requests.read_until(b'\n', &mut line)? > 0 {
        let mut answer = run(call, &line).to_string();
        answer.push('\n');
        // Whoever reads the answer wants all that was printed before.
        let _ = io::stdout().flush();
        answers.write_all(answer.as_bytes())?;
        line = Vec::new(); // it may have been large
    }
    Ok(())
}

/// The streams of requests and answers, which children do not inherit.
fn streams() -> io::Result<(File, File)> {
    let input = unsafe { File::from_raw_fd(0) };
    let requests = input.try_clone()?;
    let _ = input.into_raw_fd(); // it stays open, as something else
    let empty = File::open("/dev/null")?;
    if unsafe { dup2(empty.as_raw_fd(), 0) } < 0 {
        return Err(io::Error::last_os_error());
    }
    let inherited = unsafe { File::from_raw_fd(3) };
    Ok((requests, inherited.try_clone()?))
}

fn run(call: Call, line: &[u8]) -> Value {
    let mut request: Map<String, Value> = match serde_json::from_slice(line) {
        Ok(request) => request,
        Err(e) => return error(e.to_string()),
    };
    let value = request.remove("value").unwrap_or_else(|| Value::Object(Map::new()));
    for (name, value) in &request {
        export(name, value);
    }
    match catch_unwind(AssertUnwindSafe(|| call(value))) {
        Ok(Ok(result)) => result,
        Ok(Err(text)) => {
            eprintln!("{}", text);
            error(text)
        }
        Err(panic) => error(message(panic)), // it is printed already
    }
}

fn export(name: &str, value: &Value) {
    let unfit = |text: &str| text.contains('\0');
    match value.as_str() {
        Some(text) if !unfit(text) && !unfit(name) && !name.contains('=') => {
            std::env::set_var(format!("__OW_{}", name.to_uppercase()), text)
        }
        _ => {}
    }
}

fn message(panic: Box<dyn Any + Send>) -> String {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text.to_string(),
        (_, Some(text)) => text.clone(),
        _ => "the function panicked".to_string(),
    }
}

fn error(text: String) -> Value {
    let mut object = Map::new();
    object.insert("error".to_string(), Value::String(text));
    Value::Object(object)
}
