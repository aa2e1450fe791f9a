@main
enum Native {
    static func main() {
        SpeedBenchmark.main()
    }
}
