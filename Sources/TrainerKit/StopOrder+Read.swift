import FoundationEssentials
import Wire

extension StopOrder {
    /// The order in the folder's `stop` file. A file that cannot be read is an order all the same: its
    /// being there is what counts.
    static func read(from folder: TrialFolder) -> StopOrder {
        let bytes = FileManager.default.contents(atPath: folder.stop) ?? Data()
        return (try? Lines.decode(StopOrder.self, from: bytes))
            ?? StopOrder(save: false, reason: "a stop file that could not be read")
    }
}
