// The loop around a Swift function: a request is a line on standard input, its result
// a line on file descriptor 3, which first says that the function is there. The
// program ends with its input. It is compiled together with the function, and the
// line that compile adds, quirlServe(<entry point>), chooses one of the forms below.

import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// One activation: the value of the request in, a JSON value out.
typealias QuirlFunction = (Any) throws -> Any

func quirlServe(_ function: @escaping ([String: Any]) throws -> [String: Any]) {
    quirlLoop { value in try function(value as? [String: Any] ?? [:]) }
}

func quirlServe(_ function: @escaping (Any) throws -> Any) {
    quirlLoop(function)
}

func quirlServe<Input: Decodable, Output: Encodable>(
    _ function: @escaping (Input, @escaping (Output?, Error?) -> Void) -> Void
) {
    quirlLoop { value in
        let data = try JSONSerialization.data(withJSONObject: value)
        let input = try JSONDecoder().decode(Input.self, from: data)
        return try quirlWait { done in function(input, done) }
    }
}

func quirlServe<Output: Encodable>(_ function: @escaping (@escaping (Output?, Error?) -> Void) -> Void) {
    quirlLoop { _ in try quirlWait(function) }
}

/// Waits for a function that calls back, and returns its output as a JSON value.
func quirlWait<Output: Encodable>(_ start: (@escaping (Output?, Error?) -> Void) -> Void) throws -> Any {
    let finished = DispatchSemaphore(value: 0)
    var result: Result<Output?, Error> = .success(nil)
    start { output, error in
        result = error.map { .failure($0) } ?? .success(output)
        finished.signal()
    }
    finished.wait()
    guard let output = try result.get() else { return [String: Any]() }
    return try JSONSerialization.jsonObject(with: try JSONEncoder().encode(output))
}

func quirlLoop(_ function: QuirlFunction) {
    // What is descriptor 0 afterwards is empty, for functions and for their children.
    let requests = fdopen(dup(0), "r")
    let nothing = open("/dev/null", O_RDONLY)
    dup2(nothing, 0)
    close(nothing)
    let results = FileHandle(fileDescriptor: 3)
    let end = Data("\n".utf8)
    results.write(Data("{\"ok\":true}\n".utf8))
    var line: UnsafeMutablePointer<CChar>?
    var capacity = 0
    while true {
        let length = getline(&line, &capacity, requests)
        guard length > 0, let start = line else { break }
        results.write(quirlRun(function, Data(bytes: start, count: length)) + end)
    }
    exit(0)
}

func quirlRun(_ function: QuirlFunction, _ line: Data) -> Data {
    defer { fflush(nil) }
    do {
        let request = try JSONSerialization.jsonObject(with: line) as? [String: Any] ?? [:]
        for (key, value) in request where key != "value" {
            if let text = value as? String { setenv("__OW_" + key.uppercased(), text, 1) }
        }
        let result = try function(request["value"] ?? [String: Any]())
        guard JSONSerialization.isValidJSONObject(result) else {
            FileHandle.standardError.write(Data("Result cannot be JSON: it is of type \(type(of: result))\n".utf8))
            return Data("null".utf8) // which who reads it refuses
        }
        return try JSONSerialization.data(withJSONObject: result)
    } catch {
        FileHandle.standardError.write(Data("Error: \(error)\n".utf8))
        let body = ["error": String(describing: error)]
        return (try? JSONSerialization.data(withJSONObject: body)) ?? Data("{\"error\":\"\"}".utf8)
    }
}
