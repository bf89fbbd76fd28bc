// Text and objects of a column as codes with levels.
#include "data/levels.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "bind/array.hpp"
#include "bind/levels.hpp"
#include "bind/register.hpp"

namespace py = pybind11;

namespace curvature {
namespace {

TextChunk text_chunk(const py::tuple& given) {
  using Bytes = py::array_t<std::uint8_t, py::array::c_style>;
  TextChunk chunk;
  const auto layout = given[0].cast<std::string>();
  chunk.layout = layout == "views"       ? TextChunk::Layout::views
                 : layout == "offsets64" ? TextChunk::Layout::offsets64
                                         : TextChunk::Layout::offsets32;
  const auto index = given[1].cast<Bytes>();
  chunk.index = {reinterpret_cast<const std::byte*>(index.data()), static_cast<std::size_t>(index.size())};
  for (const py::handle& run : given[2]) {
    const auto bytes = run.cast<Bytes>();
    chunk.runs.emplace_back(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(bytes.size()));
  }
  chunk.n_rows = given[3].cast<std::size_t>();
  chunk.first_bit = given[5].cast<std::size_t>();
  if (!given[4].is_none()) {
    const auto present = given[4].cast<Bytes>();
    if (static_cast<std::size_t>(present.size()) < (chunk.first_bit + chunk.n_rows + 7) / 8) {
      throw InputError(sentence("X has a bitmap of ", present.size(), " bytes for ", chunk.n_rows, " rows."));
    }
    chunk.present = present.data();
  }
  return chunk;
}

// Levels as Python's text; Python is strict about UTF-8.
py::list decoded(const TextLevels& found, const std::string& name) {
  py::list levels;
  for (std::size_t i = 0; i < found.levels.size(); ++i) {
    const std::string_view text = found.levels[i];
    PyObject* level = PyUnicode_DecodeUTF8(text.data(), static_cast<py::ssize_t>(text.size()), "strict");
    if (!level) {
      if (!PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) throw py::error_already_set();
      PyErr_Clear();
      throw InputError(sentence("X has text that is no UTF-8 in row ", found.first_rows[i], " of ", name,
                                "; text must be valid UTF-8."));
    }
    levels.append(py::reinterpret_steal<py::str>(level));
  }
  return levels;
}

py::tuple encode_text(const py::list& given, const std::string& name) {
  std::vector<TextChunk> chunks;
  for (const py::handle& chunk : given) chunks.push_back(text_chunk(chunk.cast<py::tuple>()));
  TextLevels found;
  {
    const py::gil_scoped_release unlocked;
    found = text_levels(chunks, name);
  }
  return py::make_tuple(codes_array(std::move(found.codes)), decoded(found, name));
}

enum class Kind { empty, text, boolean, integer, number };

const char* name_of(Kind kind) {
  constexpr const char* kNames[] = {"empty", "text", "boolean", "integer", "number"};
  return kNames[static_cast<std::size_t>(kind)];
}

const char* in_words(Kind kind) {
  constexpr const char* kWords[] = {"missing", "text", "bool", "whole numbers", "numbers"};
  return kWords[static_cast<std::size_t>(kind)];
}

std::string described(PyObject* value) {
  const auto text = py::reinterpret_steal<py::object>(PyObject_Repr(value));
  std::string shown = text ? text.cast<std::string>() : "a value";
  if (!text) PyErr_Clear();
  if (shown.size() > 60) shown = "a value";
  return sentence(shown, " of type ", Py_TYPE(value)->tp_name);
}

// What a value of a column of objects is; nothing where it is none of what is allowed. `empty`: missing.
class ObjectKinds {
 public:
  std::optional<Kind> of(PyObject* value) const {
    if (PyUnicode_Check(value)) return Kind::text;
    if (value == Py_None) return Kind::empty;
    if (PyBool_Check(value)) return Kind::boolean;
    if (PyLong_Check(value)) return Kind::integer;
    if (PyFloat_Check(value)) return is_nan(value) ? Kind::empty : Kind::number;
    if (PyObject_IsInstance(value, bool_.ptr()) == 1) return Kind::boolean;
    if (PyObject_IsInstance(value, integer_.ptr()) == 1) return Kind::integer;
    if (PyObject_IsInstance(value, floating_.ptr()) == 1) {
      const auto number = py::reinterpret_steal<py::object>(PyNumber_Float(value));
      if (!number) throw py::error_already_set();
      return is_nan(number.ptr()) ? Kind::empty : Kind::number;
    }
    // Missing in pandas, which is not imported: pd.NA and pd.NaT.
    const std::string type = py::str(py::type::of(value).attr("__name__"));
    if (type == "NAType" || type == "NaTType") return Kind::empty;
    return std::nullopt;
  }

 private:
  static bool is_nan(PyObject* number) {
    const double value = PyFloat_AS_DOUBLE(number);
    return value != value;
  }

  py::module_ numpy_ = py::module_::import("numpy");
  py::object bool_ = numpy_.attr("bool_"), integer_ = numpy_.attr("integer"), floating_ = numpy_.attr("floating");
};

// The level as plain Python.
py::object plain(PyObject* value, Kind kind) {
  PyObject* made = kind == Kind::text      ? PyUnicode_FromObject(value)
                   : kind == Kind::boolean ? PyBool_FromLong(PyObject_IsTrue(value))
                   : kind == Kind::integer ? PyNumber_Long(value)
                                           : PyNumber_Float(value);
  if (!made) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(made);
}

// Codes of objects of one kind; integers and floats together are numbers.
class ObjectLevels {
 public:
  ObjectLevels(std::size_t n_rows, std::string name) : codes_(n_rows), name_(std::move(name)) {}

  void add(const py::array& values) {
    constexpr py::ssize_t kBlock = 4096;
    std::vector<std::int32_t> block;
    for (py::ssize_t begin = 0; begin < values.size(); begin += kBlock) {
      block.clear();
      for (py::ssize_t i = begin; i < std::min(begin + kBlock, values.size()); ++i, ++row_) {
        block.push_back(code_of(*reinterpret_cast<PyObject* const*>(values.data(i))));
      }
      codes_.append(block, static_cast<std::int32_t>(levels_.size()));
    }
  }
  py::tuple take() {
    return py::make_tuple(codes_array(std::move(codes_).take()), levels_, py::str(curvature::name_of(kind_)));
  }

 private:
  std::int32_t code_of(PyObject* value) {
    if (!value) return 0;  // NumPy has these for None in arrays that nobody filled
    const std::optional<Kind> kind = kinds_.of(value);
    if (!kind) {
      throw InputError(sentence("X has ", described(value), " in row ", row_, " of ", name_,
                                "; a column of objects takes text, or numbers, or bool, and None or NaN for missing."));
    }
    if (*kind == Kind::empty) return 0;
    join(*kind, value);
    PyObject* known = PyDict_GetItemWithError(places_.ptr(), value);
    if (known) return static_cast<std::int32_t>(PyLong_AsLong(known));
    if (PyErr_Occurred()) throw py::error_already_set();
    levels_.append(plain(value, *kind));
    const auto code = static_cast<std::int32_t>(levels_.size());
    if (PyDict_SetItem(places_.ptr(), value, py::int_(code).ptr()) != 0) throw py::error_already_set();
    return code;
  }
  void join(Kind kind, PyObject* value) {
    if (kind == kind_) return;
    const auto is_number = [](Kind each) { return each == Kind::integer || each == Kind::number; };
    if (kind_ == Kind::empty) {
      kind_ = kind;
    } else if (is_number(kind) && is_number(kind_)) {
      kind_ = Kind::number;
    } else {
      throw InputError(sentence("X has ", described(value), " in row ", row_, " of ", name_,
                                ", whose values above are ", in_words(kind_),
                                "; a column takes text, or numbers, or bool, not a mixture."));
    }
  }

  Codes codes_;
  std::string name_;
  ObjectKinds kinds_;
  Kind kind_ = Kind::empty;
  py::dict places_;
  py::list levels_;
  std::size_t row_ = 0;
};

py::tuple encode_objects(const py::iterable& blocks, std::size_t n_rows, const std::string& name) {
  ObjectLevels levels(n_rows, name);
  for (const py::handle& each : blocks) {
    const auto block = py::reinterpret_borrow<py::array>(each);
    if (block.ndim() != 1 || block.dtype().kind() != 'O') throw InputError("blocks must be columns of objects.");
    levels.add(block);
  }
  return levels.take();
}

}  // namespace

py::array codes_array(Codes::Store&& store) {
  return std::visit(
      [](auto& codes) -> py::array {
        using Vector = std::remove_reference_t<decltype(codes)>;
        auto owned = std::make_unique<Vector>(std::move(codes));
        const auto* data = owned->data();
        const auto n = static_cast<py::ssize_t>(owned->size());
        const py::capsule owner(owned.release(), [](void* vector) { delete static_cast<Vector*>(vector); });
        return py::array_t<typename Vector::value_type>(n, data, owner);
      },
      store);
}

void register_levels(py::module_& module) {
  module.def("encode_text", &encode_text, py::arg("chunks"), py::arg("name"));
  module.def("encode_objects", &encode_objects, py::arg("blocks"), py::arg("n_rows"), py::arg("name"));
}

}  // namespace curvature
