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
    package var hasSecondProcess: Bool {
        steps.contains { if case .continueInChild = $0 { true } else { $0 == .continueInContainer } }
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
