"""What OpenCV takes and gives, as far as it is used here: the only place that says so.

OpenCV's own types know arrays of integers or floats, but not that what was uint8 stays uint8, so
that each call had to be excused. Here a function says which type of array it keeps, or which one it
makes. mypy and editors read this in place of the package's own; at run time it does not exist.

A function that is missing here is no mistake of yours: add it, below those of its kind.
`tests/test_typings.py` calls OpenCV and compares.
"""

from collections.abc import Sequence
from os import PathLike
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from . import dnn as dnn

T = TypeVar("T", bound=np.generic)

Array = NDArray[Any]
Bytes = NDArray[np.uint8]
Short = NDArray[np.int16]
Ints = NDArray[np.int32]
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Pair = Sequence[int]  # width and height, or x and y
Scalar = float | Sequence[float]  # one value, or one a channel
Turned = tuple[Sequence[float], Sequence[float], float]  # centre, size, angle in degrees
Criteria = tuple[int, int, float]

# They keep the type.
def GaussianBlur(
    src: NDArray[T],
    ksize: Pair,
    sigmaX: float,
    dst: Array | None = ...,
    sigmaY: float = ...,
    borderType: int = ...,
) -> NDArray[T]: ...
def LUT(src: Bytes, lut: NDArray[T], dst: Array | None = ...) -> NDArray[T]: ...
def absdiff(src1: NDArray[T], src2: NDArray[T], dst: Array | None = ...) -> NDArray[T]: ...
def bitwise_and(
    src1: NDArray[T], src2: NDArray[T], dst: Array | None = ..., mask: Bytes | None = ...
) -> NDArray[T]: ...
def bitwise_not(
    src: NDArray[T], dst: Array | None = ..., mask: Bytes | None = ...
) -> NDArray[T]: ...
def bitwise_or(
    src1: NDArray[T], src2: NDArray[T], dst: Array | None = ..., mask: Bytes | None = ...
) -> NDArray[T]: ...
def bitwise_xor(
    src1: NDArray[T], src2: NDArray[T], dst: Array | None = ..., mask: Bytes | None = ...
) -> NDArray[T]: ...
def blur(
    src: NDArray[T], ksize: Pair, dst: Array | None = ..., anchor: Pair = ..., borderType: int = ...
) -> NDArray[T]: ...
def copyMakeBorder(
    src: NDArray[T],
    top: int,
    bottom: int,
    left: int,
    right: int,
    borderType: int,
    dst: Array | None = ...,
    value: Scalar = ...,
) -> NDArray[T]: ...
def cvtColor(
    src: NDArray[T], code: int, dst: Array | None = ..., dstCn: int = ...
) -> NDArray[T]: ...
def dft(
    src: NDArray[T], dst: Array | None = ..., flags: int = ..., nonzeroRows: int = ...
) -> NDArray[T]: ...
def dilate(
    src: NDArray[T],
    kernel: Bytes,
    dst: Array | None = ...,
    anchor: Pair = ...,
    iterations: int = ...,
    borderType: int = ...,
    borderValue: Scalar = ...,
) -> NDArray[T]: ...
def erode(
    src: NDArray[T],
    kernel: Bytes,
    dst: Array | None = ...,
    anchor: Pair = ...,
    iterations: int = ...,
    borderType: int = ...,
    borderValue: Scalar = ...,
) -> NDArray[T]: ...
def gemm(
    src1: NDArray[T],
    src2: NDArray[T],
    alpha: float,
    src3: Array | None,
    beta: float,
    dst: Array | None = ...,
    flags: int = ...,
) -> NDArray[T]: ...
def magnitude(x: NDArray[T], y: NDArray[T], magnitude: Array | None = ...) -> NDArray[T]: ...
def max(src1: NDArray[T], src2: NDArray[T], dst: Array | None = ...) -> NDArray[T]: ...
def medianBlur(src: NDArray[T], ksize: int, dst: Array | None = ...) -> NDArray[T]: ...
def merge(mv: Sequence[NDArray[T]], dst: Array | None = ...) -> NDArray[T]: ...
def morphologyEx(
    src: NDArray[T],
    op: int,
    kernel: Bytes,
    dst: Array | None = ...,
    anchor: Pair = ...,
    iterations: int = ...,
    borderType: int = ...,
    borderValue: Scalar = ...,
) -> NDArray[T]: ...
def patchNaNs(a: NDArray[T], val: float = ...) -> NDArray[T]: ...
def pyrDown(
    src: NDArray[T], dst: Array | None = ..., dstsize: Pair = ..., borderType: int = ...
) -> NDArray[T]: ...
def remap(
    src: NDArray[T],
    map1: Floats | Short,
    map2: Array | None,
    interpolation: int,
    dst: Array | None = ...,
    borderMode: int = ...,
    borderValue: Scalar = ...,
) -> NDArray[T]: ...
def resize(
    src: NDArray[T],
    dsize: Pair | None,
    dst: Array | None = ...,
    fx: float = ...,
    fy: float = ...,
    interpolation: int = ...,
) -> NDArray[T]: ...
def split(m: NDArray[T], mv: Sequence[Array] | None = ...) -> Sequence[NDArray[T]]: ...
def threshold(
    src: NDArray[T], thresh: float, maxval: float, type: int, dst: Array | None = ...
) -> tuple[float, NDArray[T]]: ...
def warpAffine(
    src: NDArray[T],
    M: Array,
    dsize: Pair,
    dst: Array | None = ...,
    flags: int = ...,
    borderMode: int = ...,
    borderValue: Scalar = ...,
) -> NDArray[T]: ...
def warpPerspective(
    src: NDArray[T],
    M: Array,
    dsize: Pair,
    dst: Array | None = ...,
    flags: int = ...,
    borderMode: int = ...,
    borderValue: Scalar = ...,
) -> NDArray[T]: ...

# They keep it, unless told another one.
def add(
    src1: NDArray[T], src2: Array, dst: Array | None = ..., mask: Bytes | None = ...
) -> NDArray[T]: ...
def addWeighted(
    src1: NDArray[T],
    alpha: float,
    src2: NDArray[T],
    beta: float,
    gamma: float,
    dst: Array | None = ...,
) -> NDArray[T]: ...
def accumulateProduct(
    src1: Array, src2: Array, dst: NDArray[T], mask: Bytes | None = ...
) -> NDArray[T]: ...
def multiply(
    src1: NDArray[T], src2: NDArray[T], dst: Array | None = ..., scale: float = ...
) -> NDArray[T]: ...
@overload
def divide(
    src1: NDArray[T], src2: NDArray[T], dst: Array | None = ..., scale: float = ...
) -> NDArray[T]: ...
@overload
def divide(
    src1: Array, src2: Array, dst: Array | None = ..., scale: float = ..., *, dtype: int
) -> Array: ...
@overload
def subtract(
    src1: NDArray[T], src2: Array, dst: Array | None = ..., mask: Bytes | None = ...
) -> NDArray[T]: ...
@overload
def subtract(
    src1: Array, src2: Array, dst: Array | None = ..., mask: Bytes | None = ..., *, dtype: int
) -> Array: ...

# ddepth or dtype says which one they make; -1 keeps it.
def Laplacian(
    src: Array,
    ddepth: int,
    dst: Array | None = ...,
    ksize: int = ...,
    scale: float = ...,
    delta: float = ...,
    borderType: int = ...,
) -> Array: ...
def Sobel(
    src: Array,
    ddepth: int,
    dx: int,
    dy: int,
    dst: Array | None = ...,
    ksize: int = ...,
    scale: float = ...,
    delta: float = ...,
    borderType: int = ...,
) -> Array: ...
def boxFilter(
    src: Array,
    ddepth: int,
    ksize: Pair,
    dst: Array | None = ...,
    anchor: Pair = ...,
    normalize: bool = ...,
    borderType: int = ...,
) -> Array: ...
def filter2D(
    src: Array,
    ddepth: int,
    kernel: Array,
    dst: Array | None = ...,
    anchor: Pair = ...,
    delta: float = ...,
    borderType: int = ...,
) -> Array: ...
def solve(
    src1: NDArray[T], src2: NDArray[T], dst: Array | None = ..., flags: int = ...
) -> tuple[bool, NDArray[T]]: ...
def integral(src: Array, sum: Array | None = ..., sdepth: int = ...) -> Array: ...
def mulTransposed(
    src: Array,
    aTa: bool,
    dst: Array | None = ...,
    delta: Array | None = ...,
    scale: float = ...,
    dtype: int = ...,
) -> Array: ...
def reduce(
    src: Array, dim: int, rtype: int, dst: Array | None = ..., dtype: int = ...
) -> Array: ...
def sepFilter2D(
    src: Array,
    ddepth: int,
    kernelX: Array,
    kernelY: Array,
    dst: Array | None = ...,
    anchor: Pair = ...,
    delta: float = ...,
    borderType: int = ...,
) -> Array: ...

# Always of one type.
@overload
def Canny(
    image: Bytes,
    threshold1: float,
    threshold2: float,
    edges: Array | None = ...,
    apertureSize: int = ...,
    L2gradient: bool = ...,
) -> Bytes: ...
@overload
def Canny(
    dx: Short,
    dy: Short,
    threshold1: float,
    threshold2: float,
    edges: Array | None = ...,
    L2gradient: bool = ...,
) -> Bytes: ...
def compare(src1: Array, src2: Array | float, cmpop: int, dst: Array | None = ...) -> Bytes: ...
def connectedComponents(
    image: Bytes, labels: Array | None = ..., connectivity: int = ..., ltype: int = ...
) -> tuple[int, Ints]: ...
def connectedComponentsWithStats(
    image: Bytes,
    labels: Array | None = ...,
    stats: Array | None = ...,
    centroids: Array | None = ...,
    connectivity: int = ...,
    ltype: int = ...,
) -> tuple[int, Ints, Ints, Doubles]: ...
def convertScaleAbs(
    src: Array, dst: Array | None = ..., alpha: float = ..., beta: float = ...
) -> Bytes: ...
def cornerMinEigenVal(
    src: Array, blockSize: int, dst: Array | None = ..., ksize: int = ..., borderType: int = ...
) -> Floats: ...
def inRange(
    src: Array, lowerb: Array | Scalar, upperb: Array | Scalar, dst: Array | None = ...
) -> Bytes: ...
def matchTemplate(
    image: NDArray[T],
    templ: NDArray[T],
    method: int,
    result: Array | None = ...,
    mask: Array | None = ...,
) -> Floats: ...
def spatialGradient(
    src: Bytes,
    dx: Array | None = ...,
    dy: Array | None = ...,
    ksize: int = ...,
    borderType: int = ...,
) -> tuple[Short, Short]: ...

# Numbers, from an array.
def calcHist(
    images: Sequence[Array],
    channels: Sequence[int],
    mask: Bytes | None,
    histSize: Sequence[int],
    ranges: Sequence[float],
    hist: Array | None = ...,
    accumulate: bool = ...,
) -> Floats: ...
def contourArea(contour: Array, oriented: bool = ...) -> float: ...
def countNonZero(src: Array) -> int: ...
def intersectConvexConvex(
    p1: Array, p2: Array, p12: Array | None = ..., handleNested: bool = ...
) -> tuple[float, Floats | None]: ...
def mean(src: Array, mask: Bytes | None = ...) -> tuple[float, float, float, float]: ...
def meanStdDev(
    src: Array, mean: Array | None = ..., stddev: Array | None = ..., mask: Bytes | None = ...
) -> tuple[Doubles, Doubles]: ...
def minMaxLoc(src: Array, mask: Bytes | None = ...) -> tuple[float, float, Pair, Pair]: ...
def moments(array: Array, binaryImage: bool = ...) -> dict[str, float]: ...
@overload
def norm(src1: Array, normType: int = ..., mask: Bytes | None = ...) -> float: ...
@overload
def norm(src1: Array, src2: Array, normType: int = ..., mask: Bytes | None = ...) -> float: ...

# Outlines and places. A list of points is int32 or float32, n x 1 x 2 or n x 2.
def HoughCircles(
    image: Bytes,
    method: int,
    dp: float,
    minDist: float,
    circles: Array | None = ...,
    param1: float = ...,
    param2: float = ...,
    minRadius: int = ...,
    maxRadius: int = ...,
) -> Floats | None: ...
def boundingRect(array: Array) -> tuple[int, int, int, int]: ...
def boxPoints(box: Turned, points: Array | None = ...) -> Floats: ...
def cornerSubPix(
    image: Array, corners: Floats, winSize: Pair, zeroZone: Pair, criteria: Criteria
) -> Floats: ...
def findChessboardCorners(
    image: Bytes, patternSize: Pair, corners: Array | None = ..., flags: int = ...
) -> tuple[bool, Floats]: ...
def findChessboardCornersSB(
    image: Bytes, patternSize: Pair, corners: Array | None = ..., flags: int = ...
) -> tuple[bool, Floats]: ...
def findContours(
    image: Bytes,
    mode: int,
    method: int,
    contours: Sequence[Array] | None = ...,
    hierarchy: Array | None = ...,
    offset: Pair = ...,
) -> tuple[Sequence[Ints], Ints]: ...
def fitEllipseDirect(points: Array) -> Turned: ...
def minAreaRect(points: Array) -> Turned: ...

# From one plane to another.
def Rodrigues(
    src: Array, dst: Array | None = ..., jacobian: Array | None = ...
) -> tuple[Doubles, Doubles]: ...
def calibrateCamera(
    objectPoints: Sequence[Array],
    imagePoints: Sequence[Array],
    imageSize: Pair,
    cameraMatrix: Array | None,
    distCoeffs: Array | None,
    rvecs: Sequence[Array] | None = ...,
    tvecs: Sequence[Array] | None = ...,
    flags: int = ...,
    criteria: Criteria = ...,
) -> tuple[float, Doubles, Doubles, Sequence[Doubles], Sequence[Doubles]]: ...
def estimateAffinePartial2D(
    from_: Array,
    to: Array,
    inliers: Array | None = ...,
    method: int = ...,
    ransacReprojThreshold: float = ...,
    maxIters: int = ...,
    confidence: float = ...,
    refineIters: int = ...,
) -> tuple[Doubles, Bytes]: ...
def findHomography(
    srcPoints: Array,
    dstPoints: Array,
    method: int = ...,
    ransacReprojThreshold: float = ...,
    mask: Array | None = ...,
    maxIters: int = ...,
    confidence: float = ...,
) -> tuple[Doubles, Bytes]: ...
def findTransformECC(
    templateImage: Array,
    inputImage: Array,
    warpMatrix: Floats,
    motionType: int = ...,
    criteria: Criteria = ...,
    inputMask: Bytes | None = ...,
    gaussFiltSize: int = ...,
) -> tuple[float, Floats]: ...
def getOptimalDFTSize(vecsize: int) -> int: ...
def getPerspectiveTransform(src: Floats, dst: Floats, solveMethod: int = ...) -> Doubles: ...
def getRotationMatrix2D(center: Sequence[float], angle: float, scale: float) -> Doubles: ...
def getStructuringElement(shape: int, ksize: Pair, anchor: Pair = ...) -> Bytes: ...
def invertAffineTransform(M: NDArray[T], iM: Array | None = ...) -> NDArray[T]: ...
def projectPoints(
    objectPoints: NDArray[T],
    rvec: Array,
    tvec: Array,
    cameraMatrix: Array,
    distCoeffs: Array | None,
    imagePoints: Array | None = ...,
    jacobian: Array | None = ...,
    aspectRatio: float = ...,
) -> tuple[NDArray[T], Doubles]: ...
def undistortImagePoints(
    src: NDArray[T],
    cameraMatrix: Array,
    distCoeffs: Array,
    dst: Array | None = ...,
    arg1: Criteria = ...,
) -> NDArray[T]: ...
def undistortPoints(
    src: NDArray[T],
    cameraMatrix: Array,
    distCoeffs: Array | None,
    dst: Array | None = ...,
    R: Array | None = ...,
    P: Array | None = ...,
    criteria: Criteria = ...,
) -> NDArray[T]: ...

# They draw into what they are given, and give it back.
def circle(
    img: NDArray[T],
    center: Pair,
    radius: int,
    color: Scalar,
    thickness: int = ...,
    lineType: int = ...,
    shift: int = ...,
) -> NDArray[T]: ...
def drawContours(
    image: NDArray[T],
    contours: Sequence[Array],
    contourIdx: int,
    color: Scalar,
    thickness: int = ...,
    lineType: int = ...,
    hierarchy: Array | None = ...,
    maxLevel: int = ...,
    offset: Pair = ...,
) -> NDArray[T]: ...
@overload
def ellipse(
    img: NDArray[T],
    center: Pair,
    axes: Pair,
    angle: float,
    startAngle: float,
    endAngle: float,
    color: Scalar,
    thickness: int = ...,
    lineType: int = ...,
    shift: int = ...,
) -> NDArray[T]: ...
@overload
def ellipse(
    img: NDArray[T], box: Turned, color: Scalar, thickness: int = ..., lineType: int = ...
) -> NDArray[T]: ...
def fillConvexPoly(
    img: NDArray[T], points: Ints, color: Scalar, lineType: int = ..., shift: int = ...
) -> NDArray[T]: ...
def fillPoly(
    img: NDArray[T],
    pts: Sequence[Ints],
    color: Scalar,
    lineType: int = ...,
    shift: int = ...,
    offset: Pair = ...,
) -> NDArray[T]: ...
def line(
    img: NDArray[T],
    pt1: Pair,
    pt2: Pair,
    color: Scalar,
    thickness: int = ...,
    lineType: int = ...,
    shift: int = ...,
) -> NDArray[T]: ...
def polylines(
    img: NDArray[T],
    pts: Sequence[Ints],
    isClosed: bool,
    color: Scalar,
    thickness: int = ...,
    lineType: int = ...,
    shift: int = ...,
) -> NDArray[T]: ...
def rectangle(
    img: NDArray[T],
    pt1: Pair,
    pt2: Pair,
    color: Scalar,
    thickness: int = ...,
    lineType: int = ...,
    shift: int = ...,
) -> NDArray[T]: ...

class FontFace:
    def __init__(self, fontPathOrName: str = ...) -> None: ...

@overload
def getTextSize(
    text: str, fontFace: int, fontScale: float, thickness: int
) -> tuple[tuple[int, int], int]: ...
@overload
def getTextSize(
    imgsize: Pair, text: str, org: Pair, fface: FontFace, size: int, weight: int = ...
) -> tuple[int, int, int, int]: ...
@overload
def putText(
    img: NDArray[T],
    text: str,
    org: Pair,
    fontFace: int,
    fontScale: float,
    color: Scalar,
    thickness: int = ...,
    lineType: int = ...,
    bottomLeftOrigin: bool = ...,
) -> NDArray[T]: ...
@overload
def putText(
    img: NDArray[T],
    text: str,
    org: Pair,
    color: Scalar,
    fface: FontFace,
    size: int,
    weight: int = ...,
) -> tuple[Pair, NDArray[T]]: ...

# Files and cameras.
def imdecode(buf: Bytes, flags: int) -> Array | None: ...
def imencode(ext: str, img: Array, params: Sequence[int] = ...) -> tuple[bool, Bytes]: ...
def imread(filename: str | PathLike[str], flags: int = ...) -> Bytes | None: ...
def imwrite(filename: str | PathLike[str], img: Array, params: Sequence[int] = ...) -> bool: ...

class VideoCapture:
    @overload
    def __init__(self) -> None: ...
    @overload
    def __init__(self, filename: str, apiPreference: int = ...) -> None: ...
    def open(
        self, filename: str | int, apiPreference: int = ..., params: Sequence[int] = ...
    ) -> bool: ...
    def isOpened(self) -> bool: ...
    def get(self, propId: int) -> float: ...
    def set(self, propId: int, value: float) -> bool: ...
    def grab(self) -> bool: ...
    def read(self, image: Array | None = ...) -> tuple[bool, Bytes]: ...
    def retrieve(self, image: Array | None = ..., flag: int = ...) -> tuple[bool, Bytes]: ...
    def release(self) -> None: ...
    def setExceptionMode(self, enable: bool) -> None: ...
    def getBackendName(self) -> str: ...

class VideoWriter:
    @staticmethod
    def fourcc(c1: str, c2: str, c3: str, c4: str) -> int: ...

class error(Exception):
    code: int
    err: str
    func: str
    msg: str

def setNumThreads(nthreads: int) -> None: ...

# What the benches compare with.
BFMatcher: Any
QRCodeDetector: Any
SIFT: Any

BORDER_CONSTANT: int
BORDER_REFLECT: int
BORDER_REFLECT_101: int
BORDER_REPLICATE: int
CALIB_CB_ACCURACY: int
CALIB_CB_EXHAUSTIVE: int
CALIB_CB_NORMALIZE_IMAGE: int
CALIB_FIX_K3: int
CAP_PROP_AUTO_EXPOSURE: int
CAP_PROP_BUFFERSIZE: int
CAP_PROP_CONVERT_RGB: int
CAP_PROP_EXPOSURE: int
CAP_PROP_FOURCC: int
CAP_PROP_FPS: int
CAP_PROP_FRAME_HEIGHT: int
CAP_PROP_FRAME_WIDTH: int
CAP_PROP_GAIN: int
CAP_PROP_POS_MSEC: int
CAP_V4L2: int
CC_STAT_AREA: int
CHAIN_APPROX_NONE: int
CHAIN_APPROX_SIMPLE: int
CMP_GT: int
CMP_LT: int
COLOR_BGR2BGRA: int
COLOR_BGR2GRAY: int
COLOR_BGR2HSV: int
COLOR_BGR2Lab: int
COLOR_BGRA2BGR: int
COLOR_GRAY2BGR: int
COLOR_LBGR2Lab: int
CV_16S: int
CV_32F: int
CV_32S: int
CV_64F: int
CV_8U: int
DECOMP_CHOLESKY: int
DFT_COMPLEX_OUTPUT: int
DFT_INVERSE: int
DFT_SCALE: int
FILLED: int
FONT_HERSHEY_COMPLEX: int
FONT_HERSHEY_COMPLEX_SMALL: int
FONT_HERSHEY_DUPLEX: int
FONT_HERSHEY_SIMPLEX: int
FONT_HERSHEY_TRIPLEX: int
FONT_ITALIC: int
GEMM_1_T: int
HOUGH_GRADIENT: int
IMREAD_COLOR: int
IMREAD_GRAYSCALE: int
IMREAD_UNCHANGED: int
IMWRITE_JPEG_OPTIMIZE: int
IMWRITE_JPEG_PROGRESSIVE: int
IMWRITE_JPEG_QUALITY: int
IMWRITE_JPEG_RST_INTERVAL: int
IMWRITE_JPEG_SAMPLING_FACTOR: int
IMWRITE_JPEG_SAMPLING_FACTOR_444: int
IMWRITE_PNG_COMPRESSION: int
IMWRITE_WEBP_QUALITY: int
INTER_AREA: int
INTER_CUBIC: int
INTER_LANCZOS4: int
INTER_LINEAR: int
INTER_NEAREST: int
LINE_AA: int
MORPH_CLOSE: int
MORPH_ELLIPSE: int
MORPH_OPEN: int
MOTION_EUCLIDEAN: int
NORM_L1: int
NORM_L2SQR: int
REDUCE_AVG: int
RETR_CCOMP: int
TERM_CRITERIA_COUNT: int
TERM_CRITERIA_EPS: int
THRESH_BINARY: int
THRESH_BINARY_INV: int
THRESH_OTSU: int
TM_CCOEFF_NORMED: int
TM_CCORR: int
WARP_INVERSE_MAP: int
