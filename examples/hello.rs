use serde_json::{json, Error, Value};

/// Greets whom it is told to.
pub fn main(args: Value) -> Result<Value, Error> {
    let name = args["name"].as_str().unwrap_or("stranger");
    println!("greeting {}", name);
    Ok(json!({ "greeting": format!("Hello, {}!", name) }))
}
