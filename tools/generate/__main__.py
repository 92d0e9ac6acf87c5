"""`python -m tools.generate`"""

from tools.generate.capabilities import ROOT
from tools.generate.files import generated

for file, text in generated().items():
    if not file.exists() or file.read_text() != text:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        print(file.relative_to(ROOT))
