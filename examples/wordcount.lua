-- Counts the words of its events; on channel lines.end it emits the counts:
-- sorted lines "count word" in blocks, then an empty event. Such lines are its
-- state, too. A line that equals its argument is one that it cannot stand.
--
--     lares run wordcount.lua --subscribe "lines lines.end" < text.txt
local lares = require "lares"
local WordCount = lares.daemon "wordcount-lua"

local BLOCK = 1000 -- lines; an input may have 1 024 outputs

function WordCount:init()
    self.counts = {}
    self.poison = self.argument ~= "" and self.argument or nil
end

function WordCount:process(event)
    if event.channel == "lines.end" then return self:report() end
    local counts = self.counts
    for word in event.data:gmatch("[A-Za-z]+") do
        counts[word] = (counts[word] or 0) + 1
    end
    if event.data == self.poison then error("cannot stand this line") end
end

function WordCount:snapshot()
    local lines = {}
    for word, count in pairs(self.counts) do
        lines[#lines + 1] = count .. " " .. word .. "\n"
    end
    return table.concat(lines)
end

function WordCount:restore(state)
    for count, word in state:gmatch("(%d+) (%a+)\n") do
        self.counts[word] = math.tointeger(count)
    end
end

function WordCount:report()
    local words, outputs = {}, {}
    for word in pairs(self.counts) do words[#words + 1] = word end
    table.sort(words)
    for first = 1, #words, BLOCK do
        local lines = {}
        for i = first, math.min(first + BLOCK - 1, #words) do
            lines[#lines + 1] = self.counts[words[i]] .. " " .. words[i] .. "\n"
        end
        outputs[#outputs + 1] = table.concat(lines)
    end
    outputs[#outputs + 1] = ""
    return outputs
end

return lares.main(WordCount)
