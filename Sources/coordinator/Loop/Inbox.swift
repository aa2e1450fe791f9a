/// Where everything that happens outside waits for the loop, in order of arrival. Unbounded: links read
/// from files and stop reading while the loop is behind only through their own buffers.
actor Inbox<Item: Sendable> {
    private var items: [Item] = []
    private var waiter: CheckedContinuation<Void, Never>?

    func post(_ item: Item) {
        items.append(item)
        waiter?.resume()
        waiter = nil
    }

    /// Everything that has arrived since the last call; waits until there is something. One caller only.
    func next() async -> [Item] {
        if items.isEmpty {
            await withCheckedContinuation { waiter = $0 }
        }
        defer { items.removeAll(keepingCapacity: true) }
        return items
    }
}
