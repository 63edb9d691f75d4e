func main(args: [String: Any]) -> [String: Any] {
    let name = args["name"] as? String ?? "world"
    print("greeting \(name)")
    return ["greeting": "Hello, \(name)!"]
}
