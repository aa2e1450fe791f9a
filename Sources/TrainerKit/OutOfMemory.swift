import Glibc

/// How trainers say that memory ran out.
package enum OutOfMemory {
    private static let texts = [
        "CUDA out of memory", "torch.OutOfMemoryError", "torch.cuda.OutOfMemoryError",
        "CUBLAS_STATUS_ALLOC_FAILED", "CUDA_ERROR_OUT_OF_MEMORY", "RESOURCE_EXHAUSTED: Out of memory",
        "std::bad_alloc", "Cannot allocate memory", "MemoryError",
    ].map { Array($0.utf8) }

    /// Bytes are compared and not letters: this looks at every line of every trainer.
    package static func isAdmitted(in line: String) -> Bool {
        var line = line
        return line.withUTF8 { bytes in texts.contains { bytes.contains($0) } }
    }
}

extension UnsafeBufferPointer<UInt8> {
    fileprivate func contains(_ text: [UInt8]) -> Bool {
        guard var place = baseAddress.map(UnsafeRawPointer.init) else { return false }
        let end = place + count
        while end - place >= text.count {
            guard let next = memchr(place, Int32(text[0]), end - place - text.count + 1) else { return false }
            if memcmp(next, text, text.count) == 0 { return true }
            place = UnsafeRawPointer(next) + 1
        }
        return false
    }
}
