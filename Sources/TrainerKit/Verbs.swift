extension Trainer {
    /// The plugin's whole program.
    public static func main() {}
}
