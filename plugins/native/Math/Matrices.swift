import COpenBLAS

/// A matrix in row-major order inside a larger one: rows are `stride` floats apart.
struct Matrix {
    let start: Floats
    let rows: Int
    let columns: Int
    let stride: Int
    /// Whether products read it with rows and columns exchanged.
    var isTransposed = false

    init(_ start: Floats, _ rows: Int, _ columns: Int, stride: Int? = nil) {
        self.start = start
        self.rows = rows
        self.columns = columns
        self.stride = stride ?? columns
    }

    /// The same numbers with rows and columns exchanged.
    var transposed: Matrix {
        var other = self
        other.isTransposed.toggle()
        return other
    }
}

/// c = scale · a · b + keep · c, by OpenBLAS on the calling thread.
@inline(__always)
func multiply(_ a: Matrix, _ b: Matrix, into c: Matrix, scale: Float = 1, keep: Float = 0) {
    let inner = a.isTransposed ? a.rows : a.columns
    assert(inner == (b.isTransposed ? b.columns : b.rows), "the inner sizes of a product agree")
    cblas_sgemm(
        CblasRowMajor, a.isTransposed ? CblasTrans : CblasNoTrans,
        b.isTransposed ? CblasTrans : CblasNoTrans,
        Int32(c.rows), Int32(c.columns), Int32(inner),
        scale, a.start, Int32(a.stride), b.start, Int32(b.stride), keep, c.start, Int32(c.stride))
}
