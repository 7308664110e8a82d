package import Kernel

/// Everything that the init does, decided in advance.
package struct InitPlan: Equatable, Sendable {
    /// The namespaces of the first clone3(2).
    package var firstNamespaces: NamespaceSet = []
    package var steps: [Step] = []
    package var arguments: [String] = []
    package var environment: [String] = []
    /// Descriptors from 3 on that the program gets.
    package var preservedDescriptors: Int32 = 0
    package init() {}

    /// Whether the first process only prepares the way for a second one.
    package var hasSecondProcess: Bool { steps.contains { $0.makesSecondProcess } }

    /// The points at which the parent is waited for, in their order.
    package var awaitedPoints: [AwaitedPoint] {
        var points: [AwaitedPoint] = []
        var isOfSecond = false
        for step in steps {
            if step.makesSecondProcess { isOfSecond = true }
            switch step {
            case .synchronize(let point): points.append(AwaitedPoint(point: point, isOfSecond: isOfSecond))
            case .handOverListener: points.append(AwaitedPoint(point: .seccompListener, isOfSecond: isOfSecond))
            case .announceReady: points.append(AwaitedPoint(point: .ready, isOfSecond: isOfSecond))
            default: break
            }
        }
        return points
    }

    /// The index of the first step that would reach outside of a private namespace; nil when there is none.
    package var firstUnsafeStep: Int? {
        var entered = firstNamespaces
        for (index, step) in steps.enumerated() {
            if let needed = step.requiredNamespace, !entered.contains(needed) { return index }
            switch step {
            case .joinNamespace(let kind): entered.insert(kind)
            case .unshareNamespaces(let kinds), .continueInChild(let kinds): entered.formUnion(kinds)
            default: break
            }
        }
        return nil
    }
}

/// A point that the init will reach.
package struct AwaitedPoint: Equatable, Sendable {
    package let point: SyncPoint
    /// Whether by the second process.
    package let isOfSecond: Bool
}

extension Step {
    fileprivate var makesSecondProcess: Bool {
        switch self {
        case .continueInChild, .continueInContainer: true
        default: false
        }
    }
}
