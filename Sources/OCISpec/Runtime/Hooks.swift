package import Diagnostics
package import JSON

/// When hooks run; in the order of the lifecycle.
///
/// Source: config.md "POSIX-platform Hooks" (RT-config-171 to RT-config-223).
package enum HookPoint: String, Word {
    case prestart, createRuntime, createContainer, startContainer, poststart, poststop
    package static var kind: String { "hook" }
}

/// A program to run at a point of the lifecycle.
package struct Hook: Equatable, Sendable {
    /// Absolute.
    package var path: String
    /// The whole argv; `path` alone when the configuration has none.
    package var args: [String]
    /// The whole environment.
    package var env: [String]
    /// Seconds before the hook is aborted, above zero; nil for no limit.
    package var timeout: Int?

    package init(path: String, args: [String]? = nil, env: [String] = [], timeout: Int? = nil) {
        self.path = path
        self.args = args ?? [path]
        self.env = env
        self.timeout = timeout
    }

    package init(_ object: JSONObject) throws(OperationError) {
        path = try object.requiredString("path")
        let args = try object.strings("args") ?? []
        self.args = args.isEmpty ? [path] : args
        env = try object.strings("env") ?? []
        timeout = try object.integer("timeout")
    }

    /// - Throws: `.invalid` for a relative path (RT-config-174) or a timeout below one second (RT-config-178).
    package func validate(at field: @autoclosure () -> String) throws(OperationError) {
        try requireAbsolute(path, at: field() + ".path")
        if let timeout, timeout <= 0 { throw .fault(field() + ".timeout", "\(timeout) is not above zero") }
    }
}

/// Programs to run in the course of the lifecycle; each list in the order in which its hooks run.
package struct Hooks: Equatable, Sendable {
    package var prestart: [Hook] = []
    package var createRuntime: [Hook] = []
    package var createContainer: [Hook] = []
    package var startContainer: [Hook] = []
    package var poststart: [Hook] = []
    package var poststop: [Hook] = []

    package init() {}

    package init(_ object: JSONObject) throws(OperationError) {
        prestart = try object.objects("prestart", Hook.init)
        createRuntime = try object.objects("createRuntime", Hook.init)
        createContainer = try object.objects("createContainer", Hook.init)
        startContainer = try object.objects("startContainer", Hook.init)
        poststart = try object.objects("poststart", Hook.init)
        poststop = try object.objects("poststop", Hook.init)
    }

    /// The hooks of one point.
    package subscript(point: HookPoint) -> [Hook] {
        switch point {
        case .prestart: prestart
        case .createRuntime: createRuntime
        case .createContainer: createContainer
        case .startContainer: startContainer
        case .poststart: poststart
        case .poststop: poststop
        }
    }

    package var isEmpty: Bool { HookPoint.allCases.allSatisfy { self[$0].isEmpty } }

    package func validate(at field: @autoclosure () -> String = "hooks") throws(OperationError) {
        for point in HookPoint.allCases {
            for (index, hook) in self[point].enumerated() {
                try hook.validate(at: "\(field()).\(point.name)[\(index)]")
            }
        }
    }
}
