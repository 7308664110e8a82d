public let marker = 1
