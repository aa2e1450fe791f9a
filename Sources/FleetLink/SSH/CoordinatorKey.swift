import CLibSSH
import FoundationEssentials
import Glibc
import Spawn

extension CoordinatorHome {
    /// The private key that coordinators of this home show to nodes.
    public var key: String { path + "/id_ed25519" }

    /// The public half, in the two words of `authorized_keys`. The pair is made where there is none.
    public func publicKey() throws -> String {
        let key = try CoordinatorKey(of: self)
        return try key.publicLine
    }
}

/// The coordinator's own Ed25519 key, loaded. Only libssh ever sees the private half.
final class CoordinatorKey {
    let key: ssh_key

    /// Loads it; makes it first where there is none.
    init(of home: CoordinatorHome) throws {
        if access(home.key, F_OK) != 0 { try Self.make(home) }
        var status = stat()
        guard stat(home.key, &status) == 0 else { throw SystemError("open \(home.key)") }
        guard status.st_mode & 0o077 == 0 else {
            throw NodeRegistry.Refusal(
                "others may read the key \(home.key): run `chmod 600 \(home.key)`")
        }
        var loaded: ssh_key?
        guard ssh_pki_import_privkey_file(home.key, nil, nil, nil, &loaded) == SSH_OK, let loaded else {
            throw NodeRegistry.Refusal(
                "\(home.key) is no private key that libssh can read, or has a passphrase: "
                    + "move it away, and a new one is made; then enrol the nodes again")
        }
        key = loaded
    }

    deinit { ssh_key_free(key) }

    var publicLine: String {
        get throws {
            var text: UnsafeMutablePointer<CChar>?
            guard ssh_pki_export_pubkey_base64(key, &text) == SSH_OK, let text else {
                throw NodeRegistry.Refusal("the coordinator's key has no public half")
            }
            defer { ssh_string_free_char(text) }
            return "ssh-ed25519 " + String(cString: text)
        }
    }

    /// Of two coordinators that make one at the same time, both use the first one's.
    private static func make(_ home: CoordinatorHome) throws {
        try home.makeFolder(home.path)
        var fresh: ssh_key?
        guard ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &fresh) == SSH_OK, let fresh else {
            throw NodeRegistry.Refusal("libssh could not make an Ed25519 key")
        }
        defer { ssh_key_free(fresh) }
        let aside = home.key + ".\(getpid()).\(UInt32.random(in: 0...UInt32.max))"
        // libssh opens the file by name: made before for its owner only, it stays so.
        close(try checked("write \(aside)") { open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) })
        defer { unlink(aside) }
        guard ssh_pki_export_privkey_file(fresh, nil, nil, nil, aside) == SSH_OK else {
            throw NodeRegistry.Refusal("the coordinator's key could not be written to \(aside)")
        }
        guard link(aside, home.key) == 0 || errno == EEXIST else { throw SystemError("write \(home.key)") }
    }
}
