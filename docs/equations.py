"""The formulas of the docstrings, in TeX.

A docstring has to be read in a terminal, too. So its formulas are plain text, and where
the book finds one of these lines, it shows what stands beside it here.
"""

FORMULAS = {
    "L_content = 1/2 sum_ij (F_ij - P_ij)^2": (
        r"\mathcal{L}_\text{content} = \frac{1}{2} \sum_{i,j} (F_{ij} - P_{ij})^2"
    ),
    "G_ij = sum_k F_ik F_jk          k runs over the M = H*W positions": (
        r"G_{ij} = \sum_{k=1}^{M} F_{ik} F_{jk} \qquad M = H W \text{ positions}"
    ),
    "E_l = 1 / (4 N^2 M^2) sum_ij (G_ij - A_ij)^2": (
        r"E_l = \frac{1}{4 N_l^2 M_l^2} \sum_{i,j} (G_{ij} - A_{ij})^2"
    ),
    "L_style = sum_l w_l E_l": r"\mathcal{L}_\text{style} = \sum_l w_l E_l",
    "L_total = alpha L_content + beta L_style + (weight) L_tv": (
        r"\mathcal{L}_\text{total} = \alpha \, \mathcal{L}_\text{content}"
        r" + \beta \, \mathcal{L}_\text{style}"
        r" + \text{(weight) } \mathcal{L}_\text{tv}"
    ),
    "L_tv = 1/(H W) sum_xyc (I_(x+1)yc - I_xyc)^2 + (I_x(y+1)c - I_xyc)^2": (
        r"\mathcal{L}_\text{tv} = \frac{1}{H W} \sum_{x,y,c}"
        r" (I_{x+1,y,c} - I_{x,y,c})^2 + (I_{x,y+1,c} - I_{x,y,c})^2"
    ),
    "sqrt(N / N_vgg) R s,    E = Q R    (QR decomposition)": (
        r"\sqrt{N / N_\text{vgg}} \; R \, s, \qquad E = Q R \quad"
        r" \text{(QR decomposition)}"
    ),
    "p + (1 - (1 - t)^2) (q - p) + t^2 (x - q)": (
        r"p + \left(1 - (1 - t)^2\right) (q - p) + t^2 (x - q)"
    ),
}

CONTENT, GRAM, LAYER, STYLE, *_ = FORMULAS.values()
PAPER = [  # number in Gatys et al. 2016, CVPR; TeX; what computes it; the chapter
    ("1", CONTENT, "content_loss", "01_content"),
    (
        "2",
        r"\frac{\partial \mathcal{L}_\text{content}}{\partial F_{ij}}"
        r" = F_{ij} - P_{ij} \quad \text{where } F_{ij} > 0",
        "content_loss",
        "01_content",
    ),
    ("3", GRAM, "gram_matrix", "02_style"),
    ("4", LAYER, "layer_style_loss", "02_style"),
    ("5", STYLE, "style_loss", "02_style"),
    (
        "6",
        r"\frac{\partial E_l}{\partial F_{ij}} = \frac{1}{N_l^2 M_l^2}"
        r" \left( F^\top (G - A) \right)_{ji} \quad \text{where } F_{ij} > 0",
        "layer_style_loss",
        "02_style",
    ),
    (
        "7",
        r"\mathcal{L}_\text{total} = \alpha \, \mathcal{L}_\text{content}"
        r" + \beta \, \mathcal{L}_\text{style}",
        "total_loss",
        "03_transfer",
    ),
]
