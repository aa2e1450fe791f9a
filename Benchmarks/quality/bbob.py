"""Test functions after the noiseless BBOB suite (Hansen, Finck, Ros, Auger 2009, INRIA RR-6829), with a few
classics. Each `NAME(z, rng)` gives a function of points (n x d, in -5...5) whose minimum is 0 at `shift`.

The instance (`rng`) draws the shift within -4...4 and the rotations; simplified where the original only
serves its C code (no boundary penalty but for Schwefel, oscillation of both signs alike).
"""

import numpy as np


def rotation(d: int, rng: np.random.Generator) -> np.ndarray:
    """A random orthogonal matrix."""
    q, r = np.linalg.qr(rng.standard_normal((d, d)))
    return q * np.sign(np.diag(r))


def powers(base: float, d: int) -> np.ndarray:
    """base^0 ... base^1 over the d coordinates."""
    return base ** (np.arange(d) / max(d - 1, 1))


def oscillated(x: np.ndarray) -> np.ndarray:
    """T_osz: small smooth irregularities that keep sign and order of size."""
    log = np.log(np.maximum(np.abs(x), 1e-300))
    c1, c2 = np.where(x > 0, 10, 5.5), np.where(x > 0, 7.9, 3.1)
    return np.where(x == 0, 0, np.sign(x) * np.exp(log + 0.049 * (np.sin(c1 * log) + np.sin(c2 * log))))


def asymmetric(x: np.ndarray, beta: float) -> np.ndarray:
    """T_asy: stretches the positive side."""
    d = x.shape[1]
    exponent = 1 + beta * np.arange(d) / max(d - 1, 1) * np.sqrt(np.maximum(x, 0))
    return np.where(x > 0, np.maximum(x, 0) ** exponent, x)


def sphere(d, rng):
    return lambda z: (z**2).sum(1)


def ellipsoid(d, rng):
    r, weights = rotation(d, rng), powers(1e6, d)
    return lambda z: oscillated(z @ r.T) ** 2 @ weights


def discus(d, rng):
    r = rotation(d, rng)
    weights = np.r_[1e6, np.ones(d - 1)]
    return lambda z: oscillated(z @ r.T) ** 2 @ weights


def bent_cigar(d, rng):
    r = rotation(d, rng)
    weights = np.r_[1, np.full(d - 1, 1e6)]
    return lambda z: (asymmetric(z @ r.T, 0.5) @ r.T) ** 2 @ weights


def rastrigin(d, rng, rotated=False):
    r, scale = rotation(d, rng) if rotated else np.eye(d), powers(10**0.5, d)

    def f(z):
        y = asymmetric(oscillated(z @ r.T), 0.2) * scale
        return 10 * (d - np.cos(2 * np.pi * y).sum(1)) + (y**2).sum(1)

    return f


def rotated_rastrigin(d, rng):
    return rastrigin(d, rng, rotated=True)


def attractive_sector(d, rng):
    r, scale, signs = rotation(d, rng), powers(10**0.5, d), rng.choice([-1, 1], d)

    def f(z):
        y = (z @ r.T) * scale
        return oscillated((np.where(y * signs > 0, 100 * y, y) ** 2).sum(1)) ** 0.9

    return f


def step_ellipsoid(d, rng):
    r, q = rotation(d, rng), rotation(d, rng)
    scale, weights = powers(10**0.5, d), powers(100, d)

    def f(z):
        y = (z @ r.T) * scale
        stepped = np.where(np.abs(y) > 0.5, np.floor(0.5 + y), np.floor(0.5 + 10 * y) / 10)
        return 0.1 * np.maximum(np.abs(y[:, 0]) / 1e4, (stepped @ q.T) ** 2 @ weights)

    return f


def rosenbrock(d, rng, rotated=False):
    r, scale = rotation(d, rng) if rotated else np.eye(d), max(1, d**0.5 / 8)

    def f(z):
        y = scale * (z @ r.T) + 1
        return (100 * (y[:, :-1] ** 2 - y[:, 1:]) ** 2 + (y[:, :-1] - 1) ** 2).sum(1)

    return f


def rotated_rosenbrock(d, rng):
    return rosenbrock(d, rng, rotated=True)


def sharp_ridge(d, rng):
    r, q, scale = rotation(d, rng), rotation(d, rng), powers(10**0.5, d)

    def f(z):
        y = ((z @ r.T) * scale) @ q.T
        return y[:, 0] ** 2 + 100 * np.sqrt((y[:, 1:] ** 2).sum(1))

    return f


def different_powers(d, rng):
    r, exponents = rotation(d, rng), 2 + 4 * np.arange(d) / max(d - 1, 1)
    return lambda z: np.sqrt((np.abs(z @ r.T) ** exponents).sum(1))


def weierstrass(d, rng):
    r, q, scale = rotation(d, rng), rotation(d, rng), powers(0.01**0.5, d)
    k = np.arange(12)
    lowest = (0.5**k * np.cos(np.pi * 3.0**k)).sum()

    def f(z):
        y = (oscillated(z @ r.T) * scale) @ q.T
        waves = (0.5**k * np.cos(2 * np.pi * 3.0**k * (y[:, :, None] + 0.5))).sum(2)
        return 10 * (waves.mean(1) - lowest) ** 3

    return f


def schaffers(d, rng):
    r, q, scale = rotation(d, rng), rotation(d, rng), powers(10**0.5, d)

    def f(z):
        y = (asymmetric(z @ r.T, 0.5) @ q.T) * scale
        s = np.sqrt(y[:, :-1] ** 2 + y[:, 1:] ** 2)
        return (np.sqrt(s) + np.sqrt(s) * np.sin(50 * s**0.2) ** 2).mean(1) ** 2

    return f


def griewank_rosenbrock(d, rng):
    r, scale = rotation(d, rng), max(1, d**0.5 / 8)

    def f(z):
        y = scale * (z @ r.T) + 1
        s = 100 * (y[:, :-1] ** 2 - y[:, 1:]) ** 2 + (y[:, :-1] - 1) ** 2
        return 10 + 10 * (s / 4000 - np.cos(s)).mean(1)

    return f


def katsuura(d, rng):
    r, q, scale = rotation(d, rng), rotation(d, rng), powers(100**0.5, d)
    j = 2.0 ** np.arange(1, 33)

    def f(z):
        y = ((z @ r.T) * scale) @ q.T
        fractions = (np.abs(j * y[:, :, None] - np.round(j * y[:, :, None])) / j).sum(2)
        terms = (1 + np.arange(1, d + 1) * fractions) ** (10 / d**1.2)
        return 10 / d**2 * (terms.prod(1) - 1)

    return f


def lunacek(d, rng):
    """Two funnels: the better one is the narrower (Lunacek's bi-Rastrigin)."""
    r, mu0 = rotation(d, rng), 2.5
    s = 1 - 1 / (2 * np.sqrt(d + 20) - 8.2)
    mu1, signs = -np.sqrt((mu0**2 - 1) / s), rng.choice([-1, 1], d)

    def f(z):
        x = 2 * signs * z / 4 * 2 + mu0
        funnels = np.minimum(((x - mu0) ** 2).sum(1), d + s * ((x - mu1) ** 2).sum(1))
        return funnels + 10 * (d - np.cos(2 * np.pi * ((x - mu0) @ r.T)).sum(1))

    return f


def ackley(d, rng):
    r = rotation(d, rng)

    def f(z):
        y = z @ r.T
        near = 20 - 20 * np.exp(-0.2 * np.sqrt((y**2).mean(1)))
        return near + np.e - np.exp(np.cos(2 * np.pi * y).mean(1))

    return f


def levy(d, rng):
    def f(z):
        w = 1 + z / 2
        middle = (w[:, :-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:, :-1] + 1) ** 2)
        last = (w[:, -1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[:, -1]) ** 2)
        return np.sin(np.pi * w[:, 0]) ** 2 + middle.sum(1) + last

    return f


def linear_slope(x_opt, rng):
    """The optimum lies in a corner of the box."""
    d = len(x_opt)
    slopes = np.sign(x_opt) * powers(100, d)
    return lambda x: 5 * np.abs(slopes).sum() - x @ slopes


def schwefel(x_opt, rng):
    """Many deep valleys, the best far from the second best; rescaled from -500...500 and moved by signs."""
    signs = np.sign(x_opt)
    return lambda x: 418.9828872724339 - (signs * x * 100 * np.sin(np.sqrt(np.abs(x * 100)))).mean(1)


def gallagher(x_opt, rng, peaks=101):
    """Peaks of random place and shape; the highest, 10, is at x_opt, the others reach 1.1 to 9.1."""
    d = len(x_opt)
    r = rotation(d, rng)
    centres = np.vstack([x_opt, rng.uniform(-4.9, 4.9, (peaks - 1, d))])
    heights = np.r_[10, 1.1 + 8 * np.arange(peaks - 1) / (peaks - 2)]
    alphas = np.r_[1000, 1000 ** (2 * rng.permutation(peaks - 1) / (peaks - 2))]
    shapes = np.array([rng.permutation(powers(a, d)) / a**0.25 for a in alphas])

    def f(x):
        away = ((x[:, None, :] - centres) @ r.T) ** 2
        return oscillated(10 - (heights * np.exp(-(away * shapes).sum(2) / (2 * d))).max(1)) ** 2

    return f


def gallagher_21(x_opt, rng):
    return gallagher(x_opt, rng, peaks=21)


AROUND_OPTIMUM = [
    sphere, ellipsoid, discus, bent_cigar, rastrigin, rotated_rastrigin, attractive_sector, step_ellipsoid,
    rosenbrock, rotated_rosenbrock, sharp_ridge, different_powers, weierstrass, schaffers,
    griewank_rosenbrock, katsuura, lunacek, ackley, levy,
]  # fmt: skip
IN_THE_BOX = [linear_slope, schwefel, gallagher, gallagher_21]
NAMES = [function.__name__ for function in AROUND_OPTIMUM + IN_THE_BOX]


def function(name: str, d: int, instance: int):
    """The function of points (n x d) and where its minimum, 0, lies."""
    rng = np.random.default_rng([instance, d, NAMES.index(name)])
    x_opt = rng.uniform(-4, 4, d)
    for make in IN_THE_BOX:
        if make.__name__ == name:
            if make is linear_slope:
                x_opt = 5 * np.sign(x_opt)
            if make is schwefel:
                x_opt = 4.209687462275036 * np.sign(x_opt)
            return make(x_opt, rng), x_opt
    around = next(make for make in AROUND_OPTIMUM if make.__name__ == name)(d, rng)
    return (lambda x: around(x - x_opt)), x_opt
